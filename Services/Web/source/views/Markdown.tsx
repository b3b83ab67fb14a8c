import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { memo, useLayoutEffect, useRef } from "react";

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true });
// Pictures would tell their server who reads the message; tables come with style attributes, which the policy forbids.
markdown.disable(["image", "table"]);
// The page has its own headings: those of a message go below them.
for (const rule of ["heading_open", "heading_close"]) {
  markdown.renderer.rules[rule] = (tokens, index, options, _environment, renderer) => {
    const token = tokens[index];
    if (token) token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 3)}`;
    return renderer.renderToken(tokens, index, options);
  };
}
markdown.renderer.rules.link_open = (tokens, index, options, _environment, renderer) => {
  tokens[index]?.attrSet("target", "_blank");
  tokens[index]?.attrSet("rel", "noopener noreferrer");
  return renderer.renderToken(tokens, index, options);
};

/** The text of a message as sanitised nodes. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const nodes = DOMPurify.sanitize(markdown.render(text), {
      RETURN_DOM_FRAGMENT: true, ADD_ATTR: ["target"], FORBID_ATTR: ["style"],
    });
    element.current?.replaceChildren(nodes);
  }, [text]);
  return <div className="markdown" ref={element} dir="auto" />;
});

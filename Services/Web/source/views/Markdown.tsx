import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";
import { memo, useLayoutEffect, useRef } from "react";
import { splitMentions } from "../core/mentions";

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

// Names in plain text only: code and the words of links are other tokens.
markdown.core.ruler.push("mentions", (state) => {
  const names = new Set((state.env as MentionEnvironment).names);
  if (names.size === 0) return;
  for (const block of state.tokens) {
    let linkDepth = 0;
    block.children = block.children?.flatMap((token) => {
      linkDepth += token.type === "link_open" ? 1 : token.type === "link_close" ? -1 : 0;
      if (token.type !== "text" || linkDepth > 0) return [token];
      return splitMentions(token.content, names).map((part) => {
        const piece = new state.Token(part.name === undefined ? "text" : "mention", "", 0);
        piece.content = part.text;
        piece.info = part.name ?? "";
        return piece;
      });
    }) ?? null;
  }
});
markdown.renderer.rules.mention = (tokens, index, _options, environment) => {
  const { content = "", info = "" } = tokens[index] ?? {};
  const isMine = (environment as MentionEnvironment).mine.includes(info);
  return `<span class="${isMine ? "mention mine" : "mention"}">${markdown.utils.escapeHtml(content)}</span>`;
};

interface MentionEnvironment {
  /** What is called in this text, in lower case, and what of it calls the reader. */
  names: string[];
  mine: string[];
}

interface MarkdownProps {
  text: string;
  /** Names that are mentions here, and those of them that mean the reader: words in lower case with spaces between. */
  names?: string;
  mine?: string;
}

/** The text of a message as sanitised nodes. */
export const Markdown = memo(function Markdown({ text, names = "", mine = "" }: MarkdownProps) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const environment: MentionEnvironment = { names: wordsOf(names), mine: wordsOf(mine) };
    const nodes = DOMPurify.sanitize(markdown.render(text, environment), {
      RETURN_DOM_FRAGMENT: true, ADD_ATTR: ["target"], FORBID_ATTR: ["style"],
    });
    element.current?.replaceChildren(nodes);
  }, [text, names, mine]);
  return <div className="markdown" ref={element} dir="auto" />;
});

function wordsOf(text: string): string[] {
  return text.split(" ").filter(Boolean);
}

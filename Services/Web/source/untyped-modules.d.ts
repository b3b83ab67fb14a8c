// What we use of packages that Debian ships without types.

declare module "markdown-it" {
  interface Token {
    type: string;
    tag: string;
    content: string;
    info: string;
    children: Token[] | null;
    attrSet(name: string, value: string): void;
  }
  type RenderRule = (
    tokens: Token[], index: number, options: object, environment: unknown,
    renderer: { renderToken(tokens: Token[], index: number, options: object): string },
  ) => string;
  interface CoreState {
    tokens: Token[];
    env: unknown;
    Token: new (type: string, tag: string, nesting: number) => Token;
  }
  export default class MarkdownIt {
    constructor(options: { html: boolean; linkify: boolean; breaks: boolean });
    core: { ruler: { push(name: string, rule: (state: CoreState) => void): void } };
    renderer: { rules: Record<string, RenderRule | undefined> };
    utils: { escapeHtml(text: string): string };
    disable(rules: string[]): this;
    render(text: string, environment: object): string;
  }
}

declare module "node:test" {
  export function test(name: string, body: () => void | Promise<void>): void;
}

declare module "node:assert/strict" {
  const assert: {
    (value: unknown, message?: string): asserts value;
    equal(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
  };
  export default assert;
}

declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
}

declare const process: { env: Record<string, string | undefined> };

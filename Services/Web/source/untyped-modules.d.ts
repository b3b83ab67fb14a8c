// What we use of packages that Debian ships without types.

declare module "markdown-it" {
  interface Token {
    tag: string;
    attrSet(name: string, value: string): void;
  }
  type RenderRule = (
    tokens: Token[], index: number, options: object, environment: unknown,
    renderer: { renderToken(tokens: Token[], index: number, options: object): string },
  ) => string;
  export default class MarkdownIt {
    constructor(options: { html: boolean; linkify: boolean; breaks: boolean });
    renderer: { rules: Record<string, RenderRule | undefined> };
    disable(rules: string[]): this;
    render(text: string): string;
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

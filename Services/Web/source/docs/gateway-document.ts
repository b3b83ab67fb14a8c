/** The parts of an AsyncAPI 3 document that the gateway's has. */
export interface GatewayDocument {
  info: { title: string; description: string };
  channels: { gateway: { address: string } };
  operations: { fromClient: Operation; fromServer: Operation };
  components: { messages: Record<string, DocumentedMessage>; schemas: Record<string, Schema> };
}

interface Operation {
  messages: { $ref: string }[];
}

interface DocumentedMessage {
  name: string;
  summary: string;
  payload: Schema;
}

interface Schema {
  $ref?: string;
  type?: string;
  format?: string;
  pattern?: string;
  const?: string;
  enum?: string[];
  description?: string;
  allOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}

/** The frames of both directions and the events, each with a table of its fields. */
export function renderGateway(gateway: GatewayDocument): HTMLElement {
  const article = make("article", { className: "gateway" });
  const { fromClient, fromServer } = gateway.operations;
  const sent = messagesOf(gateway, fromServer);
  article.append(
    make("h1", {}, gateway.info.title),
    make("p", {}, gateway.info.description),
    make("pre", {}, `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${gateway.channels.gateway.address}`),
    make("h2", {}, "Frames from the client"),
    ...messagesOf(gateway, fromClient).map(({ key, message }) => renderMessage(gateway, key, message)),
    make("h2", {}, "Frames from the gateway"),
    ...sent.filter(({ key }) => !key.startsWith("event."))
      .map(({ key, message }) => renderMessage(gateway, key, message)),
    make("h2", {}, "Events"),
    make("p", {}, "Every event is numbered in its stream without gaps and carries the state that results from it."),
    ...sent.filter(({ key }) => key.startsWith("event."))
      .map(({ key, message }) => renderMessage(gateway, key, message)));
  return article;
}

function messagesOf(gateway: GatewayDocument, operation: Operation): { key: string; message: DocumentedMessage }[] {
  return operation.messages.flatMap(({ $ref }) => {
    const key = lastPart($ref);
    const message = gateway.components.messages[key];
    return message ? [{ key, message }] : [];
  });
}

function renderMessage(gateway: GatewayDocument, key: string, message: DocumentedMessage): HTMLElement {
  const details = make("details", { className: "message", id: `gateway-${key}` });
  const summary = make("summary", {});
  summary.append(make("code", {}, message.name), make("span", {}, message.summary));
  details.append(summary, renderFields(gateway, message.payload, 0));
  return details;
}

function renderFields(gateway: GatewayDocument, schema: Schema, depth: number): HTMLElement {
  const table = make("table", {});
  const head = make("tr", {});
  head.append(make("th", {}, "Field"), make("th", {}, "Type"), make("th", {}, "Meaning"));
  table.append(head);
  for (const part of (schema.allOf ?? [schema]).map((part) => resolved(gateway, part))) {
    for (const [name, field] of Object.entries(part.properties ?? {})) {
      const row = make("tr", {});
      const meaning = make("td", {}, field.description ?? "");
      const shape = resolved(gateway, field.items ?? field);
      if (shape.properties && depth < 3) meaning.append(renderFields(gateway, shape, depth + 1));
      const fieldName = make("td", {});
      fieldName.append(make("code", {}, name), part.required?.includes(name) ? "" : " (optional)");
      row.append(fieldName, make("td", {}, typeName(gateway, field)), meaning);
      table.append(row);
    }
  }
  return table;
}

function typeName(gateway: GatewayDocument, schema: Schema): string {
  if (schema.const !== undefined) return `"${schema.const}"`;
  if (schema.items) return `array of ${typeName(gateway, schema.items)}`;
  const shape = resolved(gateway, schema);
  if (shape.enum) return shape.enum.map((word) => `"${word}"`).join(" | ");
  if (schema.$ref) return lastPart(schema.$ref);
  return shape.format ?? shape.type ?? "any";
}

function resolved(gateway: GatewayDocument, schema: Schema): Schema {
  return schema.$ref ? gateway.components.schemas[lastPart(schema.$ref)] ?? {} : schema;
}

function lastPart(reference: string): string {
  return reference.slice(reference.lastIndexOf("/") + 1);
}

function make(tag: string, attributes: { className?: string; id?: string }, text = ""): HTMLElement {
  const made = Object.assign(document.createElement(tag), attributes);
  if (text !== "") made.textContent = text;
  return made;
}

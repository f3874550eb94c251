"use strict";

/** A new element with text and children. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** An example of what a schema takes, for the body's text area. */
function example(schema, components) {
  if (schema.$ref) return example(components[schema.$ref.split("/").pop()], components);
  if (schema.anyOf) return example(schema.anyOf[0], components);
  if ("default" in schema) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.type === "object") {
    const entries = Object.entries(schema.properties ?? {});
    return Object.fromEntries(entries.map(([key, each]) => [key, example(each, components)]));
  }
  return { string: "", integer: schema.minimum ?? 1, number: 1, boolean: false, array: [] }[schema.type] ?? null;
}

/** A labelled field for a parameter. */
function field(parameter) {
  const input = element("input", { name: parameter.name, required: Boolean(parameter.required) });
  const about = parameter.description ? `: ${parameter.description}` : "";
  return element("label", {}, `${parameter.name} (${parameter.in}${about})`, input);
}

/** The request that a filled form stands for. */
function request(path, method, operation, form) {
  const headers = { Authorization: `Bearer ${document.getElementById("token").value}` };
  const query = new URLSearchParams();
  let address = path.replace(/^\/api\/v1\//, "");
  for (const parameter of operation.parameters) {
    const value = form.elements[parameter.name].value;
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "query") query.set(parameter.name, value);
    else if (value) headers[parameter.name] = value;
  }
  const options = { method: method.toUpperCase(), headers };
  if (form.elements.body) {
    headers["Content-Type"] = "application/json";
    options.body = form.elements.body.value;
  }
  return [query.size ? `${address}?${query}` : address, options];
}

/** Sends the form's request and shows status, time, headers and body of the answer. */
async function send(event, path, method, operation, output) {
  event.preventDefault();
  output.hidden = false;
  output.className = "";
  output.textContent = "…";
  const began = performance.now();
  try {
    const answer = await fetch(...request(path, method, operation, event.target));
    const milliseconds = Math.round(performance.now() - began);
    const text = await answer.text();
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    output.className = answer.ok ? "" : "bad";
    output.textContent = `${answer.status} after ${milliseconds} ms\n${headers}\n\n${pretty(text)}`;
  } catch (error) {
    output.className = "bad";
    output.textContent = String(error);
  }
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** One operation: folded away until it is wanted. */
function drawn(path, method, operation, components) {
  const output = element("pre", { hidden: true });
  const form = element("form", { noValidate: false }, ...operation.parameters.map(field));
  const body = operation.requestBody?.content["application/json"];
  if (body) {
    const value = JSON.stringify(example(body.schema, components), null, 2);
    form.append(element("label", {}, "body", element("textarea", { name: "body", value })));
  }
  if (operation.description) form.prepend(element("span", { textContent: operation.description.replaceAll("`", "") }));
  form.append(element("button", { textContent: "Send" }), output);
  form.addEventListener("submit", (event) => send(event, path, method, operation, output));
  const summary = element(
    "summary",
    {},
    element("b", { textContent: method.toUpperCase() }),
    element("code", { textContent: path }),
    element("span", { textContent: operation.summary.replaceAll("`", "") }),
  );
  return element("details", { id: operation.operationId }, summary, form);
}

async function main() {
  const place = document.getElementById("operations");
  const description = await (await fetch("openapi.json")).json();
  const groups = new Map();
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const group = groups.get(operation.tags[0]) ?? groups.set(operation.tags[0], []).get(operation.tags[0]);
      group.push(drawn(path, method, operation, description.components.schemas));
    }
  }
  place.replaceChildren();
  for (const [tag, operations] of groups) place.append(element("h2", { textContent: tag }), ...operations);
}

main().catch((error) => {
  document.getElementById("operations").textContent = `The description could not be loaded: ${error}`;
});

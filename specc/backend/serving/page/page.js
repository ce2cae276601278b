"use strict";
// A form for the fields of /openapi.json, and bars or values for what is answered.

const LISTED = 200; // more choices than this are looked up by typing
const OTHER = "other";

const at = (id) => document.getElementById(id);
let description, row, asked;

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// What a schema of a value asks for.
function shapeOf(schema) {
  const types = [schema.type ?? []].flat();
  const bytes = schema.properties?.b64?.contentMediaType;
  if (bytes) return { kind: "file", media: bytes };
  if (schema.enum) {
    return { kind: "choice", choices: schema.enum.filter((one) => one !== null), gaps: schema.enum.includes(null) };
  }
  const gaps = types.includes("null");
  const listed = types.includes("string") && schema.examples?.length;
  if (listed && listed <= LISTED) return { kind: "choice", choices: schema.examples, gaps, open: true };
  if (types.includes("array") || !(types.length || schema.anyOf)) return { kind: "json" };
  if (types.includes("boolean") && types.length === 1) return { kind: "truth" };
  if (types.includes("number") || types.includes("integer")) {
    return { kind: "number", gaps, whole: types.includes("integer"), examples: schema.examples };
  }
  return { kind: "text", gaps, examples: schema.examples };
}

const readers = {
  file: async (control) => ({ b64: await base64(control.files[0]) }),
  choice: async (control, shape) => {
    if (control.value === OTHER) return at(`${control.id}-other`).value;
    return control.value === "" ? null : shape.choices[Number(control.value)];
  },
  truth: async (control) => control.value === "true",
  number: async (control) => (control.value === "" ? null : Number(control.value)),
  json: async (control) => JSON.parse(control.value),
  text: async (control, shape) => (control.value === "" && shape.gaps ? null : control.value),
};

function base64(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}

function sample(schema) {
  if (schema.type === "array") return Array(schema.minItems ?? 1).fill(sample(schema.items));
  return schema.examples?.[0] ?? schema.enum?.[0] ?? 0;
}

function control(name, shape, schema, id) {
  const common = { id, name };
  switch (shape.kind) {
    case "file":
      return make("input", { ...common, type: "file", accept: shape.media, required: true });
    case "choice": {
      const options = shape.choices.map((one, number) => make("option", { value: number, textContent: String(one) }));
      if (shape.gaps) options.push(make("option", { value: "", textContent: "(missing)" }));
      if (shape.open) options.push(make("option", { value: OTHER, textContent: "another…" }));
      return make("select", common, ...options);
    }
    case "truth":
      return make("select", common, ...["true", "false"].map((one) => make("option", { value: one, textContent: one })));
    case "number": {
      const value = shape.examples ? String(shape.examples[0]) : "";
      return make("input", {
        ...common, type: "number", step: shape.whole ? "1" : "any", required: !shape.gaps, defaultValue: value,
      });
    }
    case "json":
      return make("textarea", {
        ...common, className: "code", required: true, spellcheck: false, defaultValue: JSON.stringify(sample(schema)),
      });
    default:
      return shape.examples
        ? make("input", { ...common, type: "text", defaultValue: shape.examples[0], autocomplete: "off" })
        : make("textarea", { ...common, required: !shape.gaps });
  }
}

function hint(shape) {
  if (shape.gaps && shape.kind !== "choice") return "may be empty";
  return { file: shape.media?.replace("/*", ""), json: "as JSON" }[shape.kind] ?? "";
}

function field([name, schema], number) {
  const id = `field-${number}`, shape = shapeOf(schema);
  const entry = control(name, shape, schema, id);
  const about = hint(shape);
  const label = make("label", { htmlFor: id }, name);
  if (about) label.append(" ", make("span", { className: "quiet", textContent: about }));
  const wide = ["file", "json"].includes(shape.kind) || entry.tagName === "TEXTAREA";
  const box = make("div", { className: wide ? "field wide" : "field" }, label, entry);
  if (shape.kind === "text" && shape.examples) {
    const list = make("datalist", { id: `${id}-list` }, ...shape.examples.map((one) => make("option", { value: one })));
    entry.setAttribute("list", list.id);
    box.append(list);
  }
  if (shape.open) {
    const other = make("input", { id: `${id}-other`, type: "text", className: "other", hidden: true, ariaLabel: `another ${name}` });
    entry.addEventListener("change", () => { other.hidden = entry.value !== OTHER; });
    box.append(other);
  }
  if (shape.kind === "file") entry.addEventListener("change", () => preview(entry, box));
  return { name, box, entry, read: () => readers[shape.kind](entry, shape) };
}

function preview(entry, box) {
  box.querySelector(".preview")?.remove();
  const [file] = entry.files;
  if (!file) return;
  const reader = new FileReader();
  reader.onload = () => {
    const sound = file.type.startsWith("audio/");
    const shown = sound ? make("audio", { controls: true }) : make("img", { alt: `The file ${file.name}` });
    box.append(Object.assign(shown, { className: "preview", src: reader.result }));
  };
  reader.readAsDataURL(file);
}

const number = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 5 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const plain = (value) => (typeof value === "number" ? number.format(value) : value === null ? "NaN" : String(value));

function bars(pairs) {
  const most = 10, sorted = [...pairs].sort((a, b) => b[1] - a[1]);
  const list = make("ol", { className: "bars" }, ...sorted.slice(0, most).map(([name, score]) => {
    const bar = make("span", { className: "bar", ariaHidden: "true" });
    bar.style.width = `${Math.min(Math.max(score, 0), 1) * 100}%`;
    return make(
      "li", {}, bar,
      make("span", { className: "name", textContent: name === "" ? "(unknown)" : name }),
      make("span", { className: "score", textContent: percent.format(score) }),
    );
  }));
  const more = sorted.length - most;
  return more > 0 ? [list, make("p", { className: "quiet took", textContent: `and ${more} more, less likely` })] : [list];
}

function shown(value, schema) {
  const classes = schema?.["x-classes"];
  const flat = Array.isArray(value) && !value.some(Array.isArray);
  if (classes && flat && value.length === 1 && classes.length === 2) {
    return bars([[classes[1], value[0]], [classes[0], 1 - value[0]]]);
  }
  if (classes && flat && value.length <= classes.length) return bars(value.map((score, i) => [classes[i], score]));
  if (flat && value.length === 1) return [make("p", { className: "value", textContent: plain(value[0]) })];
  if (!Array.isArray(value)) return [make("p", { className: "value", textContent: plain(value) })];
  if (classes && value.every((one) => Array.isArray(one) && one.length === classes.length && !one.some(Array.isArray))) {
    const best = value.map((scores) => scores.indexOf(Math.max(...scores)));
    return [make("p", { textContent: best.map((i) => classes[i] || "·").join("  ") })];
  }
  const rounded = JSON.stringify(value, (_, one) => (typeof one === "number" ? Number(one.toPrecision(5)) : one));
  return [make("pre", { textContent: rounded, tabIndex: 0 })];
}

function told(answer) {
  if (answer.results) return [make("div", { className: "output" }, ...shownResult(answer.results[0]))];
  const schema = description.components.schemas.Prediction, [value] = answer.predictions;
  if (schema.type !== "object") {
    return [make("div", { className: "output" }, make("h3", { textContent: schema.title }), ...shown(value, schema))];
  }
  return Object.entries(value).map(([name, one]) =>
    make("div", { className: "output" }, make("h3", { textContent: name }), ...shown(one, schema.properties[name])));
}

function shownResult(result) {
  return Array.isArray(result) ? bars(result) : [make("p", { className: "value", textContent: plain(result) })];
}

// By name and score where the outputs do not say what their numbers stand for.
function verb() {
  const base = `/v1/models/${description.info.title}`, { Prediction } = description.components.schemas;
  const named = Object.values(Prediction.type === "object" ? Prediction.properties : { Prediction }).some((one) => one["x-classes"]);
  return !named && description.paths[`${base}:classify`] ? `${base}:classify` : `${base}:predict`;
}

function curl(path, body) {
  const shortened = body.replace(/("b64":")[^"]{64,}"/g, '$1…"');
  return `curl ${location.origin}${path} \\\n  -d '${shortened.replaceAll("'", "'\\''")}'`;
}

async function ask(event) {
  event.preventDefault();
  const button = at("ask"), answer = at("answer"), given = {};
  button.disabled = true;
  try {
    for (const { name, entry, read } of asked) {
      entry.removeAttribute("aria-invalid");
      try {
        given[name] = await read();
      } catch (error) {
        entry.setAttribute("aria-invalid", "true");
        entry.focus();
        throw new Error(`${name}: ${error.message}`);
      }
    }
    const path = verb(), key = path.endsWith(":predict") ? "instances" : "examples";
    const body = JSON.stringify({ [key]: [given] }), began = performance.now();
    at("curl").textContent = curl(path, body);
    at("details").hidden = false;
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body });
    const took = performance.now() - began;
    const text = await response.text();
    // The contract has NaN and Infinity, which JSON has not.
    const content = JSON.parse(text.replace(/(?<=[[,:\s])-?(?:NaN|Infinity)(?=[\],}\s])/g, "null"));
    if (!response.ok) throw new Error(content.error);
    answer.replaceChildren(...told(content), make("p", { className: "quiet took", textContent: `in ${number.format(Math.max(1, Math.round(took)))} ms` }));
  } catch (error) {
    answer.replaceChildren(make("p", { className: "wrong", textContent: error.message }));
  } finally {
    button.disabled = false;
    answer.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
}

async function begin() {
  description = await (await fetch("openapi.json")).json();
  const { title, version } = description.info;
  document.title = `${title} · specc serve`;
  at("name").textContent = title;
  at("version").textContent = `version ${version}`;
  at("metadata").href = `v1/models/${title}/metadata`;
  row = description.components.schemas.Row;
  if (!row) throw new Error("this model has no signature serving_default, which is what this page asks");
  asked = Object.entries(row.properties).map(field);
  at("fields").append(...asked.map((one) => one.box));
  at("form").addEventListener("submit", ask);
  at("form").addEventListener("reset", () => {
    document.querySelectorAll(".preview").forEach((one) => one.remove());
    document.querySelectorAll(".other").forEach((one) => { one.hidden = true; });
  });
  at("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(at("curl").textContent);
    at("copy").textContent = "Copied";
    setTimeout(() => { at("copy").textContent = "Copy"; }, 1500);
  });
}

begin().catch((error) => at("answer").replaceChildren(make("p", { className: "wrong", textContent: error.message })));

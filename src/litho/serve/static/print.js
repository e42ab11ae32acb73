"use strict";
const form = element("print");
const lines = element("probes");
const asked = element("asked");
const kinds = [...element("probe").content.querySelectorAll(".kind option")].map((option) => option.value);

// The form is kept while the window is open, so that another page, or language, does not lose it.
function keep() {
  const fields = JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrf"));
  try {
    sessionStorage.setItem("print", fields);
  } catch {
    sessionStorage.removeItem("print"); // it is longer than the browser keeps
  }
}
if (!form.text.value) {
  for (const [name, value] of JSON.parse(sessionStorage.getItem("print") || "[]")) {
    const field = form.elements[name];
    const was = field.value;
    field.value = value;
    if (field.selectedIndex === -1) field.value = was;
  }
}
form.addEventListener("submit", () => sessionStorage.removeItem("print"));

// Questions are edited as rows; the form sends them as lines of JSONL, which is what is kept.
function row(probe) {
  const node = element("probe").content.firstElementChild.cloneNode(true);
  node.querySelector(".kind").value = probe.kind;
  node.querySelector(".prefix").value = probe.prefix;
  node.querySelector(".target").value = probe.target;
  node.querySelector(".remove").addEventListener("click", () => {
    node.remove();
    collect();
  });
  asked.append(node);
  return node;
}

function collect() {
  const value = (node, name) => node.querySelector(name).value.trim();
  const written = [...asked.children]
    .map((node) => [value(node, ".kind"), value(node, ".prefix"), value(node, ".target")])
    .filter(([, prefix, target]) => prefix || target);
  lines.value = written
    .map(([kind, prefix, target]) => JSON.stringify(kind === "chat" ? { question: prefix, answer: target } : { kind, prefix, target }))
    .join("\n");
  keep();
  expect();
}

// Lines that came back with the form are edited as rows again, whatever else is wrong with them;
// those that are no questions are edited as lines, until they are.
function restore() {
  const rows = lines.value.split("\n").filter((line) => line.trim()).map(probeOf);
  const broken = rows.includes(null);
  lines.hidden = !broken;
  for (const id of ["add", "file"]) element(id).disabled = broken;
  asked.replaceChildren();
  if (!broken) rows.forEach(row);
}

function probeOf(line) {
  try {
    const { kind, prefix, target, question, answer } = JSON.parse(line);
    const probe = question === undefined ? { kind, prefix, target } : { kind: "chat", prefix: question, target: answer };
    return Object.values(probe).every((value) => typeof value === "string") && kinds.includes(probe.kind) ? probe : null;
  } catch {
    return null;
  }
}

async function fill(text, name) {
  try {
    const probes = await (await send("/print/probes", { lines: text, name })).json();
    probes.forEach(row);
    collect();
  } catch (error) {
    tellCost([error.message], "bad-card");
  }
}

restore();
lines.addEventListener("change", restore);
asked.addEventListener("input", collect);
element("add").addEventListener("click", () => row({ kind: "gen", prefix: "", target: "" }).querySelector(".prefix").focus());
element("file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) await fill(await file.text(), file.name);
  event.target.value = "";
});

// What it will cost, once nothing has been typed for a while.
const askCost = costOf("/print/cost", () => Object.fromEntries(new FormData(form)));
function ask() {
  if (!form.text.value.trim()) return tellCost([say("cost_empty")]);
  askCost();
}
const expect = whenItStops(ask, 900);
form.addEventListener("input", () => {
  keep();
  expect();
});
if (form.text.value.trim()) {
  keep();
  ask();
}

"use strict";
const form = element("print");
const lines = element("probes");
const asked = element("asked");

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
  expect();
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

lines.hidden = true;
if (lines.value.trim()) fill(lines.value, "");
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
form.addEventListener("input", expect);
if (form.text.value.trim()) ask();

"use strict";
const form = element("print");
const lines = element("probes");
const asked = element("asked");
const cost = element("cost");

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
    tell([error.message], "bad-card");
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
function tell(sentences, className = "") {
  cost.className = "card " + className;
  cost.replaceChildren(...sentences.map((sentence) => make("p", sentence)));
}

let asking = false;
let again = false;
async function ask() {
  if (asking) {
    again = true;
    return;
  }
  if (!form.text.value.trim()) return tell([say("cost_empty")]);
  asking = true;
  tell([say("cost_asking")]);
  try {
    const sent = Object.fromEntries(new FormData(form));
    const told = await (await send("/print/cost", sent)).json();
    const minutes = told.seconds / 60;
    const time = minutes < 1.5 ? say("seconds", { count: numbers(told.seconds, 0) }) : say("minutes", { count: numbers(minutes, minutes < 10 ? 1 : 0) });
    const memory = say("cost", { time, gib: numbers(told.gib, 1), free: numbers(told.free_gib, 1) });
    const short = told.gib > told.free_gib;
    tell([memory, ...(short ? [say("cost_short")] : []), ...told.notices], short ? "warn" : "");
  } catch (error) {
    tell([error.message], "bad-card");
  }
  asking = false;
  if (again) {
    again = false;
    ask();
  }
}
const expect = whenItStops(ask, 900);
form.addEventListener("input", expect);
if (form.text.value.trim()) ask();

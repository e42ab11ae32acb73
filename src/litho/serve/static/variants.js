"use strict";
const form = element("variants");
const source = element("source");
const marks = element("marks");
let turn = 0;

// The coloured text lies behind the field, whose own letters are invisible but for the caret.
function paint(pieces) {
  marks.replaceChildren(...pieces.map(([text, kind, depth]) => {
    const node = make("span", text, kind);
    if (depth) node.dataset.depth = Math.min(depth, 3);
    return node;
  }), "\n");
  marks.scrollTop = source.scrollTop;
}

function tellFault(fault) {
  const node = element("fault");
  node.hidden = !fault;
  source.setAttribute("aria-invalid", fault ? "true" : "false");
  if (fault) node.textContent = say("fault", fault);
}

function showVersions(versions) {
  element("versions").hidden = !versions.length;
  element("versions").querySelector(".pair").replaceChildren(...versions.map((text) => make("div", text, "card plain")));
}

async function highlight() {
  const mine = ++turn;
  const text = source.value;
  try {
    const told = await (await send("/variants/markup", { source: text })).json();
    if (mine !== turn) return null;
    paint(told.pieces);
    tellFault(told.fault);
    showVersions(told.versions);
    return told;
  } catch (error) {
    if (mine === turn) trouble(error.message);
    return null;
  }
}

// A variant: what is new is marked, beside how far it moves the model.
function variantRow(variant) {
  const row = make("tr");
  const operator = make("td", variant.operator);
  const volatility = variant.volatility;
  const number = make("td", numbers(volatility.mean_kl, 3), "n");
  number.dataset.value = volatility.mean_kl;
  const largest = make("td", numbers(volatility.max_surprise, 1), "n");
  largest.dataset.value = volatility.max_surprise;
  for (const [cell, name] of [[operator, "operator"], [number, "kl"], [largest, "max"]]) cell.dataset.label = say("variants_" + name);
  row.append(make("td", variant.rows.join("\n\n"), "wide pre"), operator, number, largest);
  return row;
}

function showPlan(told) {
  const table = make("table", undefined, "stack");
  const head = table.createTHead().insertRow();
  for (const [name, kind] of [["variant", ""], ["operator", ""], ["kl", "n"], ["max", "n"]]) {
    const cell = make("th", say("variants_" + name), kind);
    cell.scope = "col";
    head.append(cell);
  }
  table.createTBody().append(...told.variants.map(variantRow));
  element("plan").replaceChildren(table);
  element("plan").classList.remove("old");
  element("says").textContent = say("varied", { count: told.variants.length, refused: told.refused });
}

const vary = oneAtATime(async () => {
  trouble("");
  if (!source.value.trim() || !element("fault").hidden) {
    element("says").textContent = say("variants_wait");
    return;
  }
  element("plan").classList.add("old");
  element("says").textContent = say("varying");
  try {
    showPlan(await (await send("/variants/plan", { source: source.value, model: form.model.value })).json());
  } catch (error) {
    element("says").textContent = "";
    trouble(error.message);
  }
});

const highlightSoon = whenItStops(highlight, 80);
const varySoon = whenItStops(vary, 900);
source.addEventListener("input", () => {
  sessionStorage.setItem("source", source.value);
  paint([[source.value, "", 0]]); // at once what was typed, coloured soon
  highlightSoon();
  varySoon();
});
source.addEventListener("scroll", () => { marks.scrollTop = source.scrollTop; });
element("model").addEventListener("change", varySoon);
source.value ||= sessionStorage.getItem("source") || "";
if (source.value) {
  paint([[source.value, "", 0]]);
  highlight().then(vary);
}

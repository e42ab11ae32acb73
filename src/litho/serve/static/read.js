"use strict";
const form = element("read");
const field = element("text");
const says = element("says");
const quoted = (word) => JSON.stringify(word);
const percent = (p) => numbers(p * 100, 1) + " %";
let latest = null; // what was read, as it is shown

// A text is kept while the window is open, so that a look at another page does not lose it.
field.value ||= sessionStorage.getItem("text") || "";

// An adapter belongs to one model.
const adapter = element("adapter");
adapter.addEventListener("change", () => {
  const model = adapter.selectedOptions[0].dataset.model;
  if (model) element("model").value = model;
});
element("model").addEventListener("change", () => {
  if (adapter.selectedOptions[0].dataset.model !== element("model").value) adapter.value = "";
});

function span(i, state) {
  const node = make("span", latest.text[i]);
  node.dataset.i = i;
  const nats = latest.states[state].surprise[i];
  node.style.setProperty("--s", Math.round(Math.min(1, (nats || 0) / 10) * 85));
  if (latest.kl && state === "after") {
    node.classList.add("moved");
    node.style.setProperty("--k", Math.round(Math.min(1, latest.kl[i]) * 100));
  }
  return node;
}

function show(read) {
  latest = read;
  const cards = Object.keys(read.states).map((state) => {
    const card = make("div", undefined, "card");
    if (read.kl) card.append(make("b", say("state_" + state)));
    const text = card.appendChild(make("div", undefined, "reading"));
    text.dataset.state = state;
    text.tabIndex = 0;
    text.setAttribute("role", "group");
    text.setAttribute("aria-label", say("reading"));
    text.append(...read.text.map((_, i) => span(i, state)));
    return card;
  });
  element("states").replaceChildren(...cards);
  if (element("field").open) showField();
  element("states").classList.remove("old");
  element("maps").hidden = false;
  const means = Object.values(read.states).map((state) => {
    const known = state.surprise.filter((nats) => nats !== null);
    return numbers(known.reduce((sum, nats) => sum + nats, 0) / Math.max(1, known.length), 2);
  });
  const parts = [say("tokens", { count: read.text.length, surprise: means.join(" → ") })];
  if (read.left) parts.push(say("left", { left: read.left }));
  says.textContent = [...parts, ...read.notices].join(" ");
}

const readNow = oneAtATime(async () => {
  trouble("");
  if (!field.value.trim()) {
    says.textContent = say("empty");
    element("maps").hidden = true;
    return;
  }
  element("states").classList.add("old");
  says.textContent = say(latest ? "reading_now" : "loading");
  try {
    show(await (await send("/read/tokens", { text: field.value, model: form.model.value, adapter: adapter.value })).json());
  } catch (error) {
    says.textContent = "";
    trouble(error.message);
  }
});

const soon = whenItStops(readNow, 450);
field.addEventListener("input", () => {
  sessionStorage.setItem("text", field.value);
  soon();
});
for (const id of ["model", "adapter"]) element(id).addEventListener("change", soon);
if (field.value) readNow();

function showTip(node) {
  const i = Number(node.dataset.i);
  const state = latest.states[node.closest("[data-state]").dataset.state];
  const table = make("table");
  state.words[i].forEach((word, k) => {
    const row = table.appendChild(make("tr"));
    row.append(make("td", percent(state.p[i][k])), make("td", quoted(word)));
  });
  const nats = state.surprise[i];
  const head = nats === null ? say("first") : say("expected", { word: quoted(latest.text[i]), nats: numbers(nats, 2), rank: state.rank[i] });
  const tail = latest.kl ? say("moved", { kl: numbers(latest.kl[i], 3) }) : "";
  showTipAt(node, make("div", head), table, make("div", tail));
  document.querySelectorAll(`[data-i="${i}"]`).forEach((other) => other.classList.add("here"));
}

tellTips(element("states"), "i", showTip);

// The probability field: a column a token, filled from below by what the model expected there, the
// likeliest first; the share of the token that stands there is in the strong colour.
const FIELD = { width: 16, height: 140, most: 400 };
function showField() {
  if (!latest) return;
  const pictures = Object.entries(latest.states).map(([name, state]) => {
    const figure = make("figure");
    if (latest.kl) figure.append(make("figcaption", say("state_" + name)));
    const scroll = figure.appendChild(make("div", undefined, "scroll"));
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", say("field"));
    const count = Math.min(latest.text.length, FIELD.most);
    const board = draw(scroll, "svg", { class: "field", width: count * FIELD.width, height: FIELD.height, role: "img", "aria-label": say("field") });
    for (let i = 0; i < count; i++) column(board, i, state);
    return figure;
  });
  element("fields").replaceChildren(...pictures);
}

function column(board, i, state) {
  const nats = state.surprise[i];
  if (nats === null) return;
  const own = Math.exp(-nats);
  const rank = state.rank[i];
  const group = draw(board, "g", { "data-i": i });
  let from = FIELD.height;
  const bar = (p, kind) => {
    const tall = p * FIELD.height;
    from -= tall;
    draw(group, "rect", { x: i * FIELD.width + 1, y: from.toFixed(2), width: FIELD.width - 2, height: tall.toFixed(2), class: kind });
  };
  state.p[i].forEach((p, k) => bar(p, k + 1 === rank ? "own" : `other o${Math.min(k, 4)}`));
  if (rank > state.p[i].length) bar(own, "own");
  draw(group, "title", {}, `${quoted(latest.text[i])}: ${percent(own)}\n` + state.words[i].map((word, k) => `${percent(state.p[i][k])} ${quoted(word)}`).join("\n"));
}
element("field").addEventListener("toggle", () => { if (element("field").open) showField(); });

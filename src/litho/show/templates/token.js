// One token closely: what it looks at, its hidden shift, what follows; and the field of all.
const SVG = "http://www.w3.org/2000/svg";
function svg(parent, tag, attributes, text) {
  const node = parent.appendChild(document.createElementNS(SVG, tag));
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// A word cut to the room it has; the whole of it stays in the title.
function fitted(parent, attributes, text, room) {
  const node = svg(parent, "text", attributes, text);
  for (let length = text.length - 1; length > 1 && node.getComputedTextLength() > room; length--) node.textContent = text.slice(0, length) + "…";
  return node;
}

// What a state expects in place of token i, and the token itself where it is not among it.
function expected(state, i) {
  const tokens = data("tokens");
  if (i >= tokens.text.length || state.surprise[i] === null) return [];
  const options = state.words[i].map((word, k) => ({ word, p: state.p[i][k], actual: state.rank[i] === k + 1 }));
  if (!options.some((option) => option.actual)) options.push({ word: tokens.text[i], p: Math.exp(-state.surprise[i]), actual: true });
  return options;
}

const stateName = (name) => ({ before: say("before"), after: say("after") })[name] ?? name;

const TOP = 30;
const ROW = 31;
const LEAST_ROWS = 6;
const MOST_SOURCES = 8;

function drawSources(picture, sources, known, box, middle) {
  const tokens = data("tokens");
  if (!sources.length) svg(picture, "text", { x: box.left, y: middle, class: "small", "text-anchor": "end" }, say("only the opening"));
  sources.forEach(([source, share, heads], k) => {
    const y = TOP + k * ROW;
    const group = svg(picture, "g", { class: known.has(source) ? "source" : "source new", "data-i": source });
    svg(group, "title", {}, say("{token}, token {i}: up to {share} of the attention of layer.head {heads}", { token: quoted(tokens.text[source]), i: source, share: percent(share), heads: heads.join(", ") }));
    svg(group, "rect", { x: 0, y, width: box.left, height: ROW, class: "target" });
    fitted(group, { x: box.left, y: y + 12, class: "word", "text-anchor": "end" }, quoted(tokens.text[source]), box.left);
    const more = heads.length > 1 ? ` +${heads.length - 1}` : "";
    fitted(group, { x: box.left, y: y + 24, class: "small", "text-anchor": "end" }, `${heads[0]}${more} · ${Math.round(share * 100)} %`, box.left);
    const [x0, x1, bend] = [box.left + 4, box.from, (box.left + box.from) / 2];
    svg(group, "path", { d: `M${x0} ${y + 12}C${bend} ${y + 12} ${bend} ${middle} ${x1} ${middle}`, class: "edge", "stroke-width": (1 + 6 * share).toFixed(1) });
  });
}

function drawOutputs(picture, outputs, box, middle) {
  if (!outputs.length) svg(picture, "text", { x: box.right, y: middle, class: "small" }, say("not recorded"));
  outputs.forEach(({ word, p, actual }, k) => {
    const y = TOP + k * ROW;
    const room = box.width - box.right;
    const group = svg(picture, "g", { class: actual ? "output actual" : "output" });
    svg(group, "title", {}, `${quoted(word)}: ${percent(p)}${actual ? `, ${say("the token that follows in the text")}` : ""}`);
    svg(group, "text", { x: box.width, y: y + 12, class: "small", "text-anchor": "end" }, Math.round(p * 100) + " %");
    fitted(group, { x: box.right, y: y + 12, class: "word" }, quoted(word), room - 36);
    svg(group, "rect", { x: box.right, y: y + 17, width: room, height: 6, class: "track" });
    svg(group, "rect", { x: box.right, y: y + 17, width: (room * p).toFixed(1), height: 6, class: "bar" });
    const bend = (box.to + box.right) / 2;
    svg(group, "path", { d: `M${box.to} ${middle}C${bend} ${middle} ${bend} ${y + 14} ${box.right - 4} ${y + 14}`, class: "edge", "stroke-width": (1 + 6 * p).toFixed(1) });
  });
}

// The token's column of the heat map, in the scale of that map, so that tokens can be compared;
// the few values that the map's colours cut off stay whole.
function drawShift(picture, i, box, top) {
  const { z, zmin, zmax } = data("figure-map").data[0];
  const [width, height] = [box.to - box.from, 66];
  const peak = z.reduce((best, row, layer) => row[i] > z[best][i] ? layer : best, 0);
  const range = Math.max(zmax, z[peak][i]) - zmin || 1;
  const points = z.map((row, layer) => {
    const part = Math.max(0, (row[i] - zmin) / range);
    return `${(box.from + width * layer / Math.max(1, z.length - 1)).toFixed(1)},${(top + height * (1 - part)).toFixed(1)}`;
  });
  svg(picture, "rect", { x: box.from, y: top, width, height, class: "track" });
  svg(picture, "polyline", { points: points.join(" "), class: "shift" });
  svg(picture, "text", { x: box.from, y: top + height + 13, class: "small" }, "0");
  svg(picture, "text", { x: (box.from + box.to) / 2, y: top + height + 13, class: "small", "text-anchor": "middle" }, say("layer"));
  svg(picture, "text", { x: box.to, y: top + height + 13, class: "small", "text-anchor": "end" }, z.length - 1);
  svg(picture, "text", { x: (box.from + box.to) / 2, y: top - 5, class: "small", "text-anchor": "middle" }, say("peak {change}", { change: (10 ** z[peak][i]).toPrecision(2) }));
}

function drawToken(place, name, i, known) {
  const tokens = data("tokens");
  const sources = data("edges")[name][i].slice(0, MOST_SOURCES);
  const outputs = expected(tokens.states[name], i + 1);
  const width = place.clientWidth;
  const box = { width, left: width * 0.3, from: width * 0.4, to: width * 0.62, right: width * 0.7 };
  const rows = Math.max(sources.length, outputs.length, LEAST_ROWS);
  const picture = svg(place, "svg", { width, height: TOP + rows * ROW, role: "img", "aria-label": say("token {i}, {state}: attention, hidden shift, output", { i, state: stateName(name) }) });
  const shifts = name !== "before";
  const middle = TOP + rows * ROW / 2 - (shifts ? 50 : 0);
  svg(picture, "text", { x: box.left, y: 12, class: "small", "text-anchor": "end" }, say("looks at"));
  svg(picture, "text", { x: (box.from + box.to) / 2, y: 12, class: "small", "text-anchor": "middle" }, say("token"));
  svg(picture, "text", { x: box.right, y: 12, class: "small" }, say("expects next"));
  drawSources(picture, sources, known, box, middle);
  drawOutputs(picture, outputs, box, middle);
  svg(picture, "rect", { x: box.from, y: middle - 15, width: box.to - box.from, height: 30, rx: 6, class: "token" });
  fitted(picture, { x: (box.from + box.to) / 2, y: middle + 4, class: "word", "text-anchor": "middle" }, quoted(tokens.text[i]), box.to - box.from - 8);
  if (shifts) drawShift(picture, i, box, middle + 40);
}

function drawFlow(i) {
  const place = document.getElementById("flow");
  if (!place) return;
  const names = Object.keys(data("tokens").states).filter((name) => data("edges")[name]);
  const cards = names.map((name) => {
    const card = make("div", undefined, "card");
    if (names.length > 1) card.append(make("b", stateName(name)));
    card.append(make("div"));
    return card;
  });
  place.replaceChildren(...cards);
  const known = new Set(data("edges")[names[0]][i].map(([source]) => source));
  names.forEach((name, k) => drawToken(cards[k].lastChild, name, i, known));
  const moved = data("tokens").kl;
  document.getElementById("flow-says").textContent = moved ? say("After it, training moved the prediction by {nats} nats.", { nats: moved[i].toFixed(3) }) : "";
}

const LINES = 4;
const MOST_COLUMNS = 60;
const DEEPEST = 5;

// Blanks have no shape; what stands for them may not be mistaken for letters of the text.
const seen = (word) => word.trim() || (word.includes("\n") ? "↵" : word ? "␣" : "∅");

function fieldStack(name, i, upwards) {
  const stack = make("div", undefined, "stack");
  stack.dataset.state = name;
  const state = data("tokens").states[name];
  const cells = [];
  for (let k = 0; k < DEEPEST; k++) {
    const word = state.words[i][k];
    const cell = make("div", word === undefined ? "" : seen(word), "cell");
    cell.style.setProperty("--s", word === undefined ? 0 : Math.round(Math.sqrt(state.p[i][k]) * 100));
    if (state.rank[i] === k + 1) cell.classList.add("actual");
    cells.push(cell);
  }
  stack.append(...(upwards ? cells.reverse() : cells));
  return stack;
}

function fieldColumn(i) {
  const [first, second] = Object.keys(data("tokens").states);
  const column = make("div", undefined, i === chosen ? "column chosen" : "column");
  column.dataset.i = i;
  column.append(fieldStack(first, i, true), make("div", seen(data("tokens").text[i]), "read"));
  if (second) column.append(fieldStack(second, i, false));
  return column;
}

let fieldFrom = 0;
let fieldShown = 0;
function drawField(from) {
  const place = document.getElementById("field");
  const count = data("tokens").text.length;
  const probe = place.appendChild(make("div", undefined, "column"));
  fieldShown = Math.min(count, MOST_COLUMNS, LINES * Math.max(1, Math.floor(place.clientWidth / probe.offsetWidth)));
  fieldFrom = Math.max(0, Math.min(from, count - fieldShown));
  const last = fieldFrom + fieldShown - 1;
  const columns = [];
  for (let i = fieldFrom; i <= last; i++) columns.push(fieldColumn(i));
  place.replaceChildren(...columns);
  const slider = document.getElementById("field-from");
  slider.max = count - fieldShown;
  slider.value = fieldFrom;
  document.getElementById("field-says").textContent = say("tokens {first} to {last} of {count}", { first: fieldFrom, last, count });
}

function showToken(i) {
  drawFlow(i);
  if (!holds("field")) return;
  const outside = i < fieldFrom || i >= fieldFrom + fieldShown;
  drawField(outside ? i - AROUND : fieldFrom);
}

function startField() {
  if (!holds("field")) return;
  const slider = document.getElementById("field-from");
  slider.addEventListener("input", () => drawField(Number(slider.value)));
  document.getElementById("field-back").addEventListener("click", () => drawField(fieldFrom - fieldShown));
  document.getElementById("field-on").addEventListener("click", () => drawField(fieldFrom + fieldShown));
  listen(document.getElementById("field"));
}

function startFlow() {
  if (!holds("flow")) return;
  document.getElementById("token-back").addEventListener("click", () => choose(chosen - 1));
  document.getElementById("token-on").addEventListener("click", () => choose(chosen + 1));
  listen(document.getElementById("flow"));
}

// Where the prediction moved most or, in one state, where what follows came as the greatest surprise.
function mostTelling() {
  const { kl, states, text } = data("tokens");
  const weight = kl || Object.values(states)[0].surprise.slice(1);
  let best = 0;
  for (let i = 1; i < text.length - 1; i++) if (weight[i] > weight[best]) best = i;
  return best;
}

function startText() {
  colourTexts();
  startFlow();
  startField();
  for (const place of document.querySelectorAll(".context")) listen(place);
  later(() => lookAt(mostTelling()));
  let resizing;
  addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => showToken(chosen), 150);
  });
}

// Plotly runs as a script of the page, which names its hash: nothing is ever evaluated.
async function startFigures() {
  const plots = document.querySelectorAll(".plot");
  if (!plots.length) return;
  const script = make("script", await unpack("packed-plotly"));
  document.head.append(script);
  startPlots();
  for (const plot of plots) later(() => drawOnce(plot));
  addEventListener("beforeprint", finishNow);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));
}

async function startPage() {
  if (!window.DecompressionStream) {
    for (const plot of document.querySelectorAll(".plot")) plot.textContent = document.body.dataset.tooOld;
    return;
  }
  unpacked = JSON.parse(await unpack("packed-data"));
  if (data("tokens")) startText();
  await startFigures();
}

startPage();

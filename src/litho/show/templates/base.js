"use strict";
let unpacked = {};
const data = (name) => unpacked[name];
// A sentence in the language of the page, with its values in place of the names in braces.
const say = (sentence, values = {}) => (data("words")[sentence] ?? sentence).replace(/\{(\w+)\}/g, (_, name) => values[name]);
const holds = (id) => document.getElementById(id) !== null;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const quoted = (word) => JSON.stringify(word);
const percent = (p) => (p * 100).toFixed(1) + " %";

// The text that is packed in an element.
async function unpack(id) {
  const packed = document.getElementById(id).textContent;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

// Words of the model are only ever set as text, never parsed as HTML.
function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// What can wait is done piece by piece, while the browser is idle, in this order.
const waiting = [];
function whenIdle(work) {
  if (window.requestIdleCallback) requestIdleCallback(work, { timeout: 500 });
  else setTimeout(work, 1);
}
function workOn() {
  const work = waiting.shift();
  if (waiting.length) whenIdle(workOn);
  work?.();
}
function later(work) {
  if (waiting.push(work) === 1) whenIdle(workOn);
}
function finishNow() {
  while (waiting.length) waiting.shift()();
}

// Figures take their colours from the page, so that they follow it from light to dark.
function draw(node) {
  const figure = data(node.dataset.figure);
  const layout = figure.layout;
  layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
  layout.font = { color: css("--ink"), size: 12, family: "system-ui, sans-serif" };
  // A finger scrolls the page; it cannot drag a zoom at the same time.
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
  for (const key of new Set(["xaxis", "yaxis", ...Object.keys(layout)])) {
    if (/^[xy]axis/.test(key)) Object.assign((layout[key] ??= {}), { gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line") });
  }
  for (const trace of figure.data) {
    if (trace.meta === "own") continue; // Plotly tells them apart
    const colour = css({ control: "--hot", faint: "--faint" }[trace.meta] || "--accent");
    if (trace.line) trace.line.color = colour;
    if (trace.error_y) trace.error_y.color = colour;
    if (trace.type === "bar" || trace.mode === "markers") (trace.marker ??= {}).color = colour;
  }
  for (const shape of layout.shapes || []) shape.line.color = css(shape.name === "chosen" ? "--mark" : "--faint");
  Plotly.react(node, figure.data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
}

const drawn = new Set();
function drawOnce(node) {
  if (drawn.has(node)) return;
  drawn.add(node);
  draw(node);
  if (node.dataset.figure === "figure-map") linkMap(node);
}

// The first figure comes at once, others when they come near, the rest behind all other work.
function startPlots() {
  const plots = [...document.querySelectorAll(".plot")];
  if (plots.length) drawOnce(plots[0]);
  const near = new IntersectionObserver((seen) => {
    for (const entry of seen) if (entry.isIntersecting) drawOnce(entry.target);
  }, { rootMargin: "800px" });
  for (const plot of plots) near.observe(plot);
}

// One tooltip serves everything: tokens, cells of the map, words of the field.
function placeTip(parts, left, bottom) {
  const tip = document.getElementById("tip");
  tip.replaceChildren(...parts);
  tip.style.display = "block";
  tip.style.left = Math.max(4, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 4)) + scrollX + "px";
  tip.style.top = bottom + 6 + scrollY + "px";
}
function hideTip() {
  document.getElementById("tip").style.display = "none";
}

function showTip(node) {
  const i = Number(node.closest("[data-i]").dataset.i);
  const tokens = data("tokens");
  const state = tokens.states[node.closest("[data-state]").dataset.state];
  const table = make("table");
  state.words[i].forEach((word, k) => {
    const row = table.appendChild(make("tr"));
    row.append(make("td", percent(state.p[i][k])), make("td", quoted(word)));
  });
  const head = make("div", state.surprise[i] === null ? say("Nothing comes before this token.") :
    say("{token}: surprise {nats} nats, rank {rank}. The model expected:", { token: quoted(tokens.text[i]), nats: state.surprise[i].toFixed(2), rank: state.rank[i] }));
  const tail = make("div", tokens.kl ? say("After this token, training changed the prediction by {nats} nats.", { nats: tokens.kl[i].toFixed(3) }) : "");
  const box = node.getBoundingClientRect();
  placeTip([head, table, tail], box.left, box.bottom);
}

// Whatever shows tokens answers to the pointer in the same way.
function listen(node) {
  const tokenAt = (event) => event.target.closest("[data-i]") && event.target.closest("[data-state]");
  node.addEventListener("mouseover", (event) => { if (tokenAt(event)) showTip(event.target); });
  node.addEventListener("click", (event) => {
    const place = event.target.closest("[data-i]");
    if (tokenAt(event)) showTip(event.target);
    if (place) choose(Number(place.dataset.i));
  });
  node.addEventListener("mouseleave", hideTip);
}

// Arrow keys walk through a text; tips and the map follow.
function walk(text) {
  text.tabIndex = 0;
  text.setAttribute("role", "group");
  text.setAttribute("aria-label", say("The text, token by token; arrow keys walk through it"));
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hideTip();
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(chosen + step);
    if (text.children[chosen]) showTip(text.children[chosen]);
  });
}

function span(i) {
  const node = make("span", data("tokens").text[i]);
  node.dataset.i = i;
  node.tabIndex = -1;
  return node;
}

const CHUNK = 400;
function colour(text, from) {
  const surprise = data("tokens").states[text.dataset.state].surprise;
  const spans = surprise.slice(from, from + CHUNK).map((nats, k) => {
    const node = span(from + k);
    node.style.setProperty("--s", Math.round(Math.min(1, (nats || 0) / 10) * 85));
    return node;
  });
  text.append(...spans);
}

function colourTexts() {
  for (const text of document.querySelectorAll(".reading")) {
    for (let from = 0; from < data("tokens").text.length; from += CHUNK) later(() => colour(text, from));
    listen(text);
    walk(text);
  }
}

// The token that is looked at closely, and the one that the pointer is on in the map.
let chosen = 0;
function lookAt(i) {
  chosen = Math.max(0, Math.min(i, data("tokens").text.length - 1));
  mark("chosen", chosen);
  markColumn(chosen);
  for (const place of document.querySelectorAll(".context")) fillContext(place, chosen);
  showToken(chosen);
}

function choose(i) {
  lookAt(i);
  for (const text of document.querySelectorAll(".reading")) bringIntoView(text, text.children[chosen]);
}

function mark(name, i) {
  for (const text of document.querySelectorAll(".reading")) {
    text.querySelector("." + name)?.classList.remove(name);
    text.children[i]?.classList.add(name);
  }
}

// Only the box of a long text scrolls, never the page.
function bringIntoView(text, node) {
  if (!node) return;
  const top = node.offsetTop - text.scrollTop;
  if (top < 0 || top > text.clientHeight - node.offsetHeight) text.scrollTop = node.offsetTop - text.clientHeight / 2;
}

const AROUND = 12;
function fillContext(place, i) {
  const last = Math.min(data("tokens").text.length - 1, i + AROUND);
  const words = [];
  for (let k = Math.max(0, i - AROUND); k <= last; k++) words.push(span(k));
  for (const word of words) word.textContent = word.textContent.replaceAll("\n", "↵");
  words[Math.min(i, AROUND)].classList.add("chosen");
  place.replaceChildren(make("b", `${say("token {i}", { i })} `), ...words);
}

function markColumn(i) {
  const layout = data("figure-map").layout;
  const edge = { color: css("--mark"), width: 1.5 };
  layout.shapes = [{ type: "rect", name: "chosen", xref: "x", yref: "paper", x0: i - 0.5, x1: i + 0.5, y0: 0, y1: 1, line: edge }];
  const node = document.querySelector('.plot[data-figure="figure-map"]');
  if (drawn.has(node)) Plotly.relayout(node, { shapes: layout.shapes });
}

function linkMap(node) {
  const strip = document.getElementById("map-context");
  node.on("plotly_hover", ({ points: [point], event }) => {
    mark("pointed", point.x);
    fillContext(strip, point.x);
    const head = make("div", say("{token}: token {i}, layer {layer}", { token: quoted(data("tokens").text[point.x]), i: point.x, layer: point.y }));
    placeTip([head, make("div", say("relative change {change}", { change: (10 ** point.z).toPrecision(2) }))], event.clientX + 8, event.clientY);
  });
  node.on("plotly_unhover", () => {
    mark("pointed", -1);
    fillContext(strip, chosen);
    hideTip();
  });
  node.on("plotly_click", ({ points: [point] }) => choose(point.x));
}

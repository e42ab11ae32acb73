"use strict";
// Small line charts, drawn anew with every point. `lines`: lists of [x, y]; names are ours.
const SVG = "http://www.w3.org/2000/svg";
function draw(parent, tag, attributes, text) {
  const node = parent.appendChild(document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

const WIDTH = 520;
const HEIGHT = 220;
const CROWD = 60; // points from which on a line goes without dots
const EDGE = { left: 66, right: 14, top: 22, bottom: 30 };
const short = (value) => (Math.abs(value) < 0.01 && value !== 0 ? value.toExponential(0) : Number(value.toPrecision(2)).toString());

function chart(title, lines, options = {}) {
  const figure = make("figure", undefined, "card");
  figure.append(make("figcaption", title));
  const points = lines.flat();
  const picture = draw(figure, "svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  if (!points.length) {
    draw(picture, "text", { x: WIDTH / 2, y: HEIGHT / 2, "text-anchor": "middle" }, say("no_points"));
    return figure;
  }
  const ys = points.map(([, y]) => y).concat(options.limit === undefined ? [] : [options.limit], options.zero ? [0] : []);
  const largest = (values) => values.reduce((a, b) => Math.max(a, b)); // of more than a call takes
  let [low, high] = [-largest(ys.map((y) => -y)), largest(ys)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const last = Math.max(1, options.last || 0, largest(points.map(([x]) => x)));
  const x = (value) => EDGE.left + (WIDTH - EDGE.left - EDGE.right) * value / last;
  const y = (value) => HEIGHT - EDGE.bottom - (HEIGHT - EDGE.top - EDGE.bottom) * (value - low) / (high - low);
  for (let k = 0; k <= 3; k++) {
    const value = low + (high - low) * k / 3;
    draw(picture, "line", { class: "axis", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value) });
    draw(picture, "text", { x: EDGE.left - 6, y: y(value) + 5, "text-anchor": "end" }, short(value));
  }
  draw(picture, "text", { x: EDGE.left, y: HEIGHT - 10 }, "0");
  draw(picture, "text", { x: WIDTH - EDGE.right, y: HEIGHT - 10, "text-anchor": "end" }, numbers(last, 0));
  draw(picture, "text", { x: (WIDTH + EDGE.left) / 2, y: HEIGHT - 10, "text-anchor": "middle" }, options.across || say("presentations"));
  const many = options.keys?.length > 1;
  const hue = (number) => Math.round(360 * number / lines.length);
  lines.forEach((line, number) => {
    const group = draw(picture, "g", { class: many ? "of-many" : `line${number}` });
    if (many) group.style.setProperty("--hue", hue(number));
    if (!options.dots) draw(group, "polyline", { points: line.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join(" ") });
    if (line.length < CROWD) for (const [a, b] of line) draw(group, "circle", { cx: x(a), cy: y(b), r: 3 });
    if (options.names && line.length) {
      const [a, b] = line[line.length - 1];
      draw(picture, "text", { class: "name", x: x(a) - 4, y: Math.max(11, y(b) - 8), "text-anchor": "end" }, options.names[number]);
    }
  });
  if (many) figure.append(keysOf(options.keys, hue));
  return figure;
}

// Which colour is whose.
function keysOf(names, hue) {
  const list = make("ul", undefined, "keys");
  list.append(...names.map((name, number) => {
    const key = make("li", name);
    key.style.setProperty("--hue", hue(number));
    return key;
  }));
  return list;
}

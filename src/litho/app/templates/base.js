"use strict";
const parsed = {};
const data = (id) => parsed[id] ??= JSON.parse(document.getElementById(id).textContent);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Figures take their colours from the page, so that they follow it from light to dark.
function drawPlots() {
  for (const node of document.querySelectorAll(".plot")) {
    const figure = data(node.dataset.figure);
    const layout = figure.layout;
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { color: css("--ink"), size: 12, family: "system-ui, sans-serif" };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) Object.assign(layout[key], { gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line") });
    }
    for (const trace of figure.data) {
      if (trace.line) trace.line.color = css(trace.meta === "control" ? "--hot" : "--accent");
    }
    for (const shape of layout.shapes || []) shape.line.color = css("--faint");
    Plotly.react(node, figure.data, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  }
}

function row(cells) {
  const tr = document.createElement("tr");
  for (const cell of cells) tr.appendChild(document.createElement("td")).textContent = cell;
  return tr;
}

// One tooltip serves all tokens; words of the model are only ever set as text.
function showTip(span) {
  const tip = document.getElementById("tip");
  const token = data(span.parentElement.dataset.tokens)[span.dataset.i];
  const table = document.createElement("table");
  for (const a of token.alternatives) table.appendChild(row([(a.probability * 100).toFixed(1) + " %", JSON.stringify(a.word)]));
  const head = document.createElement("div");
  head.textContent = token.surprise === null ? "Nothing comes before this token." :
    `${JSON.stringify(token.text)}: surprise ${token.surprise.toFixed(2)} nats, rank ${token.rank}. The model expected:`;
  const tail = document.createElement("div");
  if (token.kl !== undefined) tail.textContent = `After this token, training changed the prediction by ${token.kl.toFixed(3)} nats.`;
  tip.replaceChildren(head, table, tail);
  tip.style.display = "block";
  const box = span.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 4)) + scrollX + "px";
  tip.style.top = box.bottom + 6 + scrollY + "px";
}

function colourTexts() {
  for (const text of document.querySelectorAll(".reading[data-tokens]")) {
    const tokens = data(text.dataset.tokens);
    tokens.forEach((token, i) => {
      const span = document.createElement("span");
      span.textContent = token.text;
      span.dataset.i = i;
      span.tabIndex = -1;
      span.style.setProperty("--s", Math.round(Math.min(1, (token.surprise || 0) / 10) * 85));
      text.appendChild(span);
    });
    for (const event of ["mouseover", "click"]) text.addEventListener(event, (e) => { if (e.target.dataset.i) showTip(e.target); });
    text.addEventListener("mouseleave", () => { document.getElementById("tip").style.display = "none"; });
  }
}

colourTexts();
drawPlots();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawPlots);

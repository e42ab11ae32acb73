"use strict";
// Stages are columns of readings. A reading, or a stage, is chosen by a click or by Tab and moved by
// the buttons above, by Alt with an arrow key, or by dragging. The server says what follows.
const picture = element("genome");
const said = element("said");
const save = element("save");
const path = picture.dataset.path;
const stages = () => [...picture.querySelectorAll("[data-stage]")];
const orderNow = () => stages().map((stage) => ({
  id: stage.dataset.stage,
  books: [...stage.querySelectorAll("[data-reading]")].map((chip) => chip.dataset.reading),
}));
const asItWas = JSON.stringify(orderNow());
let chosen = null;

for (const chip of picture.querySelectorAll("[data-hue]")) chip.style.setProperty("--hue", chip.dataset.hue);

function choose(chip) {
  chosen?.classList.remove("chosen");
  chosen = chip;
  chip.classList.add("chosen");
  const stage = chip.classList.contains("head");
  for (const button of document.querySelectorAll("[data-move]")) button.disabled = stage && ["up", "down", "out"].includes(button.dataset.move);
  tellPlace();
}

function tellPlace() {
  const column = chosen.closest(".stage");
  const name = chosen.dataset.reading || column.dataset.stage;
  const place = chosen.dataset.reading
    ? say("place", { name, stage: column.getAttribute("aria-label"), number: [...column.querySelectorAll("[data-reading]")].indexOf(chosen) + 1 })
    : say("stage_place", { name, number: stages().indexOf(column) + 1 });
  element("chosen").textContent = place;
}

const columns = () => [...picture.querySelectorAll(".stage:not(.tail)")];

function move(what) {
  if (!chosen) return;
  const column = chosen.closest(".stage");
  if (chosen.classList.contains("head")) {
    const all = stages();
    const other = all[all.indexOf(column) + { left: -1, right: 1 }[what]];
    if (other) what === "left" ? other.before(column) : other.after(column);
  } else {
    const item = chosen.closest("li");
    if (what === "up") item.previousElementSibling?.before(item);
    if (what === "down") item.nextElementSibling?.after(item);
    const all = columns();
    const to = what === "out" ? all[all.length - 1] : all[all.indexOf(column) + ({ left: -1, right: 1 }[what] || 0)];
    if (to && to !== column) {
      const place = [...item.parentNode.children].indexOf(item);
      const list = to.querySelector("ol");
      list.insertBefore(item, list.children[place] || null);
    }
  }
  chosen.focus();
  changed();
}

picture.addEventListener("click", (event) => { const chip = event.target.closest(".chip"); if (chip) choose(chip); });
picture.addEventListener("focusin", (event) => { const chip = event.target.closest(".chip"); if (chip) choose(chip); });
for (const button of document.querySelectorAll("[data-move]")) button.addEventListener("click", () => move(button.dataset.move));
picture.addEventListener("keydown", (event) => {
  const what = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" }[event.key] || (event.key === "Delete" ? "out" : "");
  if (!what || !(event.altKey || what === "out") || (what === "out" && chosen?.classList.contains("head"))) return;
  event.preventDefault();
  move(what);
});

// Dragging: a reading between readings, a stage between stages.
let dragged = null;
picture.addEventListener("dragstart", (event) => {
  dragged = event.target.closest(".chip");
  if (!dragged) return;
  choose(dragged);
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", "");
});
picture.addEventListener("dragover", (event) => { if (dragged && event.target.closest(".stage:not(.tail)")) event.preventDefault(); });
picture.addEventListener("drop", (event) => {
  const column = event.target.closest(".stage:not(.tail)");
  if (!dragged || !column) return;
  event.preventDefault();
  if (dragged.classList.contains("head")) {
    const own = dragged.closest(".stage");
    const all = stages();
    if (column.dataset.stage && column !== own) all.indexOf(column) < all.indexOf(own) ? column.before(own) : column.after(own);
  } else {
    const item = dragged.closest("li");
    const before = [...column.querySelectorAll("ol > li")].find((other) => {
      const box = other.getBoundingClientRect();
      return other !== item && event.clientY < box.top + box.height / 2;
    });
    column.querySelector("ol").insertBefore(item, before || null);
  }
  changed();
});
picture.addEventListener("dragend", () => { dragged = null; });

// From each book to the next stage that reads it.
function drawPaths() {
  const board = element("paths");
  board.replaceChildren();
  const origin = picture.getBoundingClientRect();
  board.setAttribute("width", picture.scrollWidth);
  board.setAttribute("height", picture.scrollHeight);
  const last = {};
  for (const stage of stages()) {
    const seen = {};
    for (const chip of stage.querySelectorAll("[data-reading]")) seen[chip.dataset.book] ??= chip;
    for (const [book, chip] of Object.entries(seen)) {
      const to = chip.getBoundingClientRect();
      if (last[book]) {
        const from = last[book].getBoundingClientRect();
        const [x1, y1, x2, y2] = [from.right - origin.left, from.top + from.height / 2 - origin.top, to.left - origin.left, to.top + to.height / 2 - origin.top];
        if (x2 > x1) draw(board, "path", { d: `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}` }).style.setProperty("--hue", chip.dataset.hue);
      }
      last[book] = chip;
    }
  }
}

function list(title, lines, className) {
  const node = make("div", undefined, className);
  node.append(make("b", title));
  const inner = node.appendChild(make("ul"));
  inner.append(...lines.map((line) => make("li", line)));
  return node;
}

function show(told) {
  const again = new Set(told.again);
  for (const stage of picture.querySelectorAll(".stage")) {
    const id = stage.dataset.stage || stage.dataset.tail;
    const faults = told.faults.filter((fault) => fault.stage && fault.stage === id);
    stage.classList.toggle("broken", faults.length > 0);
    const mark = stage.querySelector(".again");
    if (mark) mark.hidden = !again.has(id);
  }
  const parts = [];
  if (told.faults.length) parts.push(list(say("faults"), told.faults.map((fault) => (fault.stage ? `${fault.stage}: ${fault.said}` : fault.said)), "bad"));
  if (told.violations.length) parts.push(list(say("violations", { count: told.violations.length }), told.violations.slice(0, 12).map(([before, after]) => say("before", { before, after })), "warned"));
  if (!told.changes.length && !told.faults.length) parts.push(make("p", say("unchanged")));
  else if (!told.faults.length) parts.push(make("p", told.again.length ? say("again", { stages: told.again.join(", ") }) : say("none_again")));
  if (told.changes.length) parts.push(list(say("changes"), told.changes));
  said.className = "card " + (told.faults.length ? "bad-card" : told.violations.length ? "warn" : "");
  said.replaceChildren(...parts);
  save.querySelector("button").disabled = told.faults.length > 0 || !told.changes.length;
}

let turn = 0;
async function check() {
  const mine = ++turn;
  trouble("");
  try {
    const told = await (await send("/school/check", { path, order: orderNow() })).json();
    if (mine === turn) show(told);
  } catch (error) {
    if (mine === turn) trouble(error.message);
  }
}
const checkSoon = whenItStops(check, 150);

function changed() {
  save.order.value = JSON.stringify(orderNow());
  save.querySelector("button").disabled = true;
  for (const id of ["start", "evolve"]) element(id).querySelector("button").disabled = save.order.value !== asItWas;
  tellPlace();
  drawPaths();
  checkSoon();
}

for (const id of ["save", "start", "evolve"]) sendHere(element(id));
save.order.value = asItWas;
drawPaths();
addEventListener("resize", drawPaths);
check();
costOf("/school/cost", () => ({ path }))();

// An evolution takes as many schools as is said here: its cost is asked for once that is looked at.
const evolve = element("evolve");
const askEvolution = costOf("/school/evolve/cost", () => Object.fromEntries(new FormData(evolve)), element("evolve-cost"));
element("evolution").addEventListener("toggle", () => { if (element("evolution").open) askEvolution(); });
evolve.addEventListener("input", whenItStops(askEvolution, 700));

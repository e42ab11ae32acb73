"use strict";
const words = JSON.parse(document.getElementById("words").textContent);
const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
const element = (id) => document.getElementById(id);
const csrf = document.body.dataset.csrf;
const numbers = (value, digits) => value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits });

// A time in words, as roughly as one wants to know it.
const HOUR = 3600;
const timeOf = (seconds) => {
  if (seconds < 90) return say("seconds", { count: numbers(seconds, 0) });
  if (seconds < 90 * 60) return say("minutes", { count: numbers(seconds / 60, seconds < 600 ? 1 : 0) });
  if (seconds < 48 * HOUR) return say("hours", { count: numbers(seconds / HOUR, 1) });
  return say("days", { count: numbers(seconds / 24 / HOUR, 1) });
};

// Words of the model and of the user are only ever set as text, never parsed as HTML.
function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// What the server answers to JSON, or to a form; an Error that says why where it refuses or is gone.
async function send(path, body) {
  const said = body instanceof FormData ? new URLSearchParams(body) : new Blob([JSON.stringify(body)], { type: "application/json" });
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "X-CSRF": csrf }, body: said });
  } catch {
    throw new Error(say("gone"));
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  try {
    throw new Error(JSON.parse(text).error);
  } catch (error) {
    throw error instanceof SyntaxError ? new Error(text) : error;
  }
}

function trouble(message) {
  const node = element("trouble");
  node.textContent = message;
  node.hidden = !message;
}

// A form that leads on when it is accepted; what is wrong is said here, and nothing on the page is lost.
function sendHere(form) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button:not([type=button])");
    button.disabled = true;
    trouble("");
    try {
      location.href = (await send(form.action, new FormData(form))).url;
    } catch (error) {
      trouble(error.message);
      element("trouble").scrollIntoView({ block: "nearest" });
    }
    button.disabled = false;
  });
}

// One call of `act` at a time: what is asked meanwhile is done once more, as things stand then.
function oneAtATime(act) {
  let busy = false;
  let again = false;
  return async () => {
    again = busy;
    if (busy) return;
    do {
      again = false;
      busy = true;
      await act();
      busy = false;
    } while (again);
  };
}

// The tip below a node, within the window; Escape closes it.
function showTipAt(node, ...content) {
  const tip = element("tip");
  tip.replaceChildren(...content);
  tip.hidden = false;
  const box = node.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 4)) + scrollX + "px";
  tip.style.top = box.bottom + 6 + scrollY + "px";
  document.querySelectorAll(".here").forEach((other) => other.classList.remove("here"));
}

// Tokens within `place` tell their tip when pointed at or tapped, and to arrow keys within a `.reading`.
function tellTips(place, key, show) {
  for (const kind of ["mouseover", "click"]) place.addEventListener(kind, (event) => { if (event.target.dataset[key]) show(event.target); });
  place.addEventListener("mouseleave", () => { element("tip").hidden = true; });
  place.addEventListener("keydown", (event) => {
    if (event.key === "Escape") element("tip").hidden = true;
    const text = event.target.closest(".reading");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!text || !step) return;
    event.preventDefault();
    const tokens = [...text.children];
    const here = tokens.findIndex((token) => token.classList.contains("here"));
    const next = here < 0 ? 0 : Math.max(0, Math.min(here + step, tokens.length - 1));
    tokens[next].scrollIntoView({ block: "nearest" });
    show(tokens[next]);
  });
}

// A text that is longer than the server takes is not sent.
const LONGEST = 1_000_000;
for (const field of document.querySelectorAll("textarea")) {
  field.addEventListener("input", () => field.setCustomValidity(field.value.length > LONGEST ? say("too_long", { count: numbers(LONGEST, 0) }) : ""));
}

// Calls `act` once nothing has happened for a while.
function whenItStops(act, milliseconds) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, milliseconds);
  };
}

for (const time of document.querySelectorAll("time[data-seconds]")) {
  const when = new Date(Number(time.dataset.seconds) * 1000);
  time.dateTime = when.toISOString();
  time.textContent = when.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
}

// Ctrl+Enter sends the form that one writes in.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.target.closest?.("form")?.requestSubmit();
});

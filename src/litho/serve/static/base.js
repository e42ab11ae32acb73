"use strict";
const words = JSON.parse(document.getElementById("words").textContent);
const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
const element = (id) => document.getElementById(id);
const csrf = document.body.dataset.csrf;
const numbers = (value, digits) => value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: digits });

// Words of the model and of the user are only ever set as text, never parsed as HTML.
function make(tag, text, className) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// What the server answers to JSON; an Error that says why where it refuses or is gone.
async function send(path, body) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF": csrf }, body: JSON.stringify(body) });
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

"use strict";
const told = JSON.parse(element("told").textContent);
const job = element("job").dataset;
const ARMS = /^printing \((.+)\)$/;
const curves = { imprint: {}, drift: {} }; // by arm: points
const schools = []; // of an evolution: how each went
let total = 0;

function take(event) {
  if (event.stage === "schools" && event.shown.bridging !== undefined) schools.push([event.done, event.shown.bridging]);
  const arm = event.stage.match(ARMS)?.[1];
  if (!arm || event.note) return;
  total = Math.max(total, event.total || 0);
  for (const name of Object.keys(curves)) {
    if (event.shown[name] === undefined) continue;
    const line = (curves[name][arm] ??= []);
    // What a job that was stopped does again takes the place of what it had told.
    while (line.length && line[line.length - 1][0] >= event.done) line.pop();
    line.push([event.done, event.shown[name]]);
  }
}

function showCurves() {
  const there = Object.keys(curves).filter((name) => Object.keys(curves[name]).length);
  element("curves").hidden = !there.length && !schools.length;
  const race = schools.length ? [chart(say("curve_bridging"), [schools], { across: say("schools_done"), zero: true, dots: true })] : [];
  element("curves").replaceChildren(...race, ...there.map((name) => {
    const arms = Object.keys(curves[name]);
    const names = arms.map((arm) => say(arm === "imprint" ? "this_run" : "control"));
    return chart(say("curve_" + name), arms.map((arm) => curves[name][arm]), { last: total, zero: true, names });
  }));
}

function showNote(event) {
  if (!event.note) return;
  const known = [...element("notes").children].some((each) => each.textContent === event.note);
  if (!known) element("notes").append(make("li", event.note));
}

function showStage(event) {
  if (event.note || !element("stage")) return;
  const name = words["stage." + event.stage] || event.stage;
  const far = event.total ? say("so_far", { done: event.done, total: event.total }) : "";
  element("stage").textContent = far ? `${name}: ${far}` : `${name} …`;
  const bar = element("bar");
  bar.hidden = false;
  if (event.total) {
    bar.max = event.total;
    bar.value = event.done;
  } else {
    bar.removeAttribute("value");
  }
}

told.forEach((event) => { take(event); showNote(event); });
showCurves();
showSchool(JSON.parse(element("known").textContent));
const latest = told.filter((event) => !event.note).pop();

if (job.live) {
  if (latest && element("state").dataset.state.startsWith("running")) showStage(latest);
  const last = told.length ? told[told.length - 1].number : 0;
  const events = new EventSource(`/jobs/${job.number}/events?after=${last}`);
  events.addEventListener("message", (message) => {
    const event = JSON.parse(message.data);
    take(event);
    showNote(event);
    showStage(event);
    if (Object.keys(event.shown).length) showCurves();
  });
  events.addEventListener("school", (message) => showSchool(JSON.parse(message.data)));
  // A server that was started anew refuses, and nothing is asked any more.
  events.addEventListener("error", () => { if (events.readyState === EventSource.CLOSED) trouble(say("reopen")); });
  // Buttons, verdict and reasons come from the server, with the page.
  events.addEventListener("state", (message) => {
    if (JSON.parse(message.data).trim() !== element("state").dataset.state.trim()) location.reload();
  });
  addEventListener("pagehide", () => events.close());
}

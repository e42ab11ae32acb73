"use strict";
// A school while it is trained: drawn anew with everything that becomes known of it.
const across = () => say("tokens_read");

function bookChart(title, lines) {
  return chart(title, lines.map(([, points]) => points), { across: across(), keys: lines.map(([name]) => name) });
}

function stageRow(stage) {
  const row = make("tr");
  const far = make("td");
  if (stage.ended) far.textContent = say("stage_ended");
  else if (stage.read) {
    const bar = far.appendChild(make("progress"));
    bar.max = stage.tokens;
    bar.value = stage.read;
    bar.setAttribute("aria-label", stage.id);
  }
  const loss = stage.loss === null ? "–" : numbers(stage.loss, 3);
  row.append(make("td", stage.id), make("td", loss, "n"), make("td", say("so_far", { done: numbers(stage.read, 0), total: numbers(stage.tokens, 0) }), "n"), far);
  return row;
}

const whatOf = ({ action, book }) => [action === "alarm" ? "" : action.replaceAll("_", " "), book].filter(Boolean).join(" ");

function showPacing(school) {
  const { pace, alarms, events } = school;
  element("pacing").hidden = !pace;
  if (!pace) return;
  const rule = say("pace", { stage: pace.stage, least: numbers(pace.least, 3), patience: pace.patience });
  const now = pace.fall === null ? say("pace_waits") : say("pace_now", { fall: numbers(pace.fall, 3), slow: pace.slow, patience: pace.patience });
  element("pace").textContent = `${rule} ${now}`;
  const line = (event) => make("li", [`${event.stage}, ${numbers(event.tokens, 0)} tokens`, whatOf(event), event.cause].filter(Boolean).join(": "));
  element("alarms").replaceChildren(...alarms.map(line));
  element("events").replaceChildren(...events.map(line));
  element("calm").hidden = alarms.length > 0;
  element("unchanged").hidden = events.length > 0;
}

function showSchool(school) {
  if (!school) return;
  element("school").hidden = false;
  const charts = [
    ["curve_loss", school.loss],
    ["curve_books", school.books],
    ["curve_probes", school.probes],
  ].filter(([, lines]) => lines.length);
  element("losses").replaceChildren(...charts.map(([name, lines]) => bookChart(say(name), lines)));
  element("stages").replaceChildren(...school.stages.map(stageRow));
  element("left").textContent = school.left === null ? "" : say("left_time", { time: timeOf(school.left) });
  showPacing(school);
}

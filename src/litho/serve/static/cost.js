"use strict";
// What a job will cost, said before the button that starts it.
function tellCost(sentences, className = "") {
  element("cost").className = "card " + className;
  element("cost").replaceChildren(...sentences.map((sentence) => make("p", sentence)));
}

const timeOf = (seconds) => {
  const minutes = seconds / 60;
  return minutes < 1.5 ? say("seconds", { count: numbers(seconds, 0) }) : say("minutes", { count: numbers(minutes, minutes < 10 ? 1 : 0) });
};

let costing = false;
let costAgain = false;
async function askCost(path, sent) {
  if (costing) {
    costAgain = true;
    return;
  }
  costing = true;
  tellCost([say("cost_asking")]);
  try {
    const told = await (await send(path, sent())).json();
    const memory = say("cost", { time: timeOf(told.seconds), gib: numbers(told.gib, 1), free: numbers(told.free_gib, 1) });
    const short = told.gib > told.free_gib;
    tellCost([memory, ...(short ? [say("cost_short")] : []), ...told.notices], short ? "warn" : "");
  } catch (error) {
    tellCost([error.message], "bad-card");
  }
  costing = false;
  if (costAgain) {
    costAgain = false;
    askCost(path, sent);
  }
}

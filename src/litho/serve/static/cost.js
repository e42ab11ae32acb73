"use strict";
// What a job will cost, said before the button that starts it.
function tellCost(sentences, className = "", card = element("cost")) {
  card.className = "card " + className;
  card.replaceChildren(...sentences.map((sentence) => make("p", sentence)));
}

// Gives a function that asks for the cost and tells it in a card.
function costOf(path, sent, card = element("cost")) {
  const page = path + (sessionStorage.page ??= crypto.randomUUID()); // of this window
  return oneAtATime(async () => {
    tellCost([say("cost_asking")], "", card);
    try {
      const told = await (await send(path, { ...sent(), page })).json();
      const first = told.schools ? [say("schools", { count: numbers(told.schools, 0) })] : [];
      first.push(say("cost", { time: timeOf(told.seconds), gib: numbers(told.gib, 1), free: numbers(told.free_gib, 1) }));
      const short = told.gib > told.free_gib;
      tellCost([...first, ...(short ? [say("cost_short")] : []), ...told.notices], short ? "warn" : "", card);
    } catch (error) {
      tellCost([error.message], "bad-card", card);
    }
  });
}

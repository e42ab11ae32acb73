"use strict";
const form = element("ask");
if (form) {
  const question = element("question");
  const button = form.querySelector("button.main");
  let anew = false;

  async function* linesOf(answer) {
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      for (const part of parts) yield JSON.parse(part);
    }
  }

  function turn(asked, voices) {
    const node = make("section", undefined, "turn");
    node.append(make("b", asked));
    const answers = node.appendChild(make("div", undefined, "answers"));
    const places = {};
    for (const voice of voices) {
      const card = answers.appendChild(make("div", undefined, "card"));
      card.append(make("h3", say("voice." + voice)));
      places[voice] = card.appendChild(make("p", "…"));
    }
    element("talk").prepend(node);
    return places;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const asked = question.value.trim();
    const voices = [...form.querySelectorAll("[name=voice]:checked")].map((box) => box.value);
    if (!asked || button.disabled) return;
    trouble("");
    button.disabled = true;
    element("says").textContent = say("asking");
    const places = turn(asked, voices);
    try {
      const sent = { run: element("run").value, question: asked, voices, tokens: Number(element("tokens").value), anew };
      const begun = new Set();
      for await (const line of linesOf(await send("/ask/answers", sent))) {
        if (line.error) throw new Error(line.error);
        if (line.voice) {
          if (!begun.has(line.voice)) places[line.voice].textContent = "";
          begun.add(line.voice);
          places[line.voice].append(line.piece);
        } else {
          for (const [voice, text] of Object.entries(line.answers)) places[voice].textContent = text || say("no_answer");
        }
      }
      anew = false;
      question.value = "";
    } catch (error) {
      trouble(error.message);
    }
    element("says").textContent = "";
    button.disabled = false;
    question.focus();
  });

  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    if (!event.ctrlKey && !event.metaKey) form.requestSubmit();
  });
  const startAnew = () => {
    anew = true;
    element("talk").replaceChildren();
    question.focus();
  };
  element("anew").addEventListener("click", startAnew);
  element("run").addEventListener("change", startAnew);
}

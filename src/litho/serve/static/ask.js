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
      card.append(make("h2", say("voice." + voice)));
      places[voice] = card.appendChild(make("p", "…"));
    }
    element("talk").prepend(node);
    return places;
  }

  // Each token says on hover, and to a keyboard, how much it surprised the one who said it.
  function showAnswer(place, text, tokens) {
    if (!tokens.length) {
      place.textContent = text || say("no_answer");
      return;
    }
    const spans = tokens.map((token) => {
      const node = make("span", token.text);
      node.style.setProperty("--s", Math.round(Math.min(1, token.surprise / 3) * 85));
      node.dataset.nats = token.surprise;
      return node;
    });
    place.classList.add("reading", "said");
    place.tabIndex = 0;
    place.setAttribute("role", "group");
    place.setAttribute("aria-label", say("said_tokens"));
    place.replaceChildren(...spans);
  }

  function showTip(node) {
    const nats = Number(node.dataset.nats);
    const tip = element("tip");
    tip.replaceChildren(make("div", say("said_token", { word: JSON.stringify(node.textContent), nats: numbers(nats, 2), p: numbers(100 * Math.exp(-nats), 1) })));
    tip.hidden = false;
    const box = node.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 4)) + scrollX + "px";
    tip.style.top = box.bottom + 6 + scrollY + "px";
    document.querySelectorAll(".here").forEach((other) => other.classList.remove("here"));
    node.classList.add("here");
  }

  const talk = element("talk");
  for (const kind of ["mouseover", "click"]) talk.addEventListener(kind, (event) => { if (event.target.dataset.nats) showTip(event.target); });
  talk.addEventListener("mouseleave", () => { element("tip").hidden = true; });
  talk.addEventListener("keydown", (event) => {
    const answer = event.target.closest(".said");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (event.key === "Escape") element("tip").hidden = true;
    if (!answer || !step) return;
    event.preventDefault();
    const here = answer.querySelector(".here");
    const next = here ? [...answer.children].indexOf(here) + step : 0;
    showTip(answer.children[Math.max(0, Math.min(next, answer.children.length - 1))]);
  });

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
          for (const [voice, text] of Object.entries(line.answers)) showAnswer(places[voice], text, line.said[voice] || []);
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

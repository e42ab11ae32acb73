"use strict";
const form = element("ask");
if (form) {
  const question = element("question");
  const button = form.querySelector("button.main");
  let talk = crypto.randomUUID(); // what is asked next belongs to it
  let begun = false;

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
    showTipAt(node, make("div", say("said_token", { word: JSON.stringify(node.textContent), nats: numbers(nats, 2), p: numbers(100 * Math.exp(-nats), 1) })));
    node.classList.add("here");
  }

  tellTips(element("talk"), "nats", showTip);

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
      const sent = { run: element("run").value, question: asked, voices, tokens: Number(element("tokens").value), talk };
      const heard = new Set();
      for await (const line of linesOf(await send("/ask/answers", sent))) {
        if (line.error) throw new Error(line.error);
        if (line.voice) {
          if (!heard.has(line.voice)) places[line.voice].textContent = "";
          heard.add(line.voice);
          places[line.voice].append(line.piece);
        } else {
          if (line.anew && begun) element("talk").firstElementChild.append(make("p", say("talk_anew"), "faint"));
          begun = true;
          for (const [voice, text] of Object.entries(line.answers)) showAnswer(places[voice], text, line.said[voice] || []);
        }
      }
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
    talk = crypto.randomUUID();
    begun = false;
    element("talk").replaceChildren();
    question.focus();
  };
  element("anew").addEventListener("click", startAnew);
  element("run").addEventListener("change", startAnew);
}

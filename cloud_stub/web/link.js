"use strict";

const find = (id) => document.getElementById(id);
const isCard = location.pathname.endsWith("/t"); // what a card itself has just said
const token = location.hash.slice(1); // behind the #, so that no server writes it down

function say(text) { find("said").textContent = text; }

function isOver(text) {
  find("offer").hidden = true;
  find("take").hidden = true;
  say(text);
}

async function take() {
  const { status, answer } = await askAsSomebody("/api/link", isCard ? { address: location.href } : { token });
  if (status !== 200) {
    const sentence = refusal(answer);
    return status === 429 || status >= 500 ? say(sentence) : isOver(sentence);
  }
  isOver(word(answer.status === "waiting" ? "waiting" : "done"));
}

if (!isCard && !token) isOver(word("nothing"));
onTap(find("take"), take, say);

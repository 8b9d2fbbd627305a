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
    const text = answer.message || "That did not work: tap again.";
    const sentence = text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
    return status === 429 || status >= 500 ? say(sentence) : isOver(sentence);
  }
  isOver(answer.status === "waiting"
    ? "Noted. The room has no internet just now: it is done as soon as it has, and you need not wait for it."
    : "Done. Your card and this phone are one person now.");
}

if (!isCard && !token) isOver("There is nothing to join here: tap your card in the room, then scan the code on its screen.");
onTap(find("take"), take, say);

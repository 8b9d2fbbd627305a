"use strict";

const roomId = location.pathname.split("/").filter(Boolean).pop();
const signature = new URLSearchParams(location.search).get("s") || "";
const EVERY_MS = 4000;
const find = (id) => document.getElementById(id);

function say(text) { find("said").textContent = text; }

function showPlace(isHere) {
  find("enter").hidden = isHere;
  find("rate").hidden = !isHere;
  find("check-out").hidden = !isHere;
}

function people(count) {
  if (count === 0) return word("nobody");
  return count === 1 ? word("onePerson") : word("people", { count });
}

function layer({ title, share }) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  const meter = document.createElement("meter");
  name.textContent = title;
  meter.value = share;
  meter.setAttribute("aria-label", word("part", { percent: Math.round(share * 100) }));
  item.append(name, meter);
  return item;
}

function line(text, className) {
  const item = document.createElement("li");
  item.textContent = text;
  if (className) item.className = className;
  return item;
}

function silence(status) {
  if (status === "offline") return word("offline");
  return word(status === "idle" ? "idle" : "soon");
}

async function refresh() {
  try {
    const { status, answer } = await ask(`/api/rooms/${roomId}`);
    if (status !== 200) return;
    document.title = word("titleOf", { name: answer.name });
    find("name").textContent = answer.name;
    find("here").textContent = people(answer.here);
    const layers = answer.layers.map(layer);
    find("layers").replaceChildren(...(layers.length ? layers : [line(silence(answer.status), "quiet")]));
    find("why").replaceChildren(...answer.why.map((text) => line(text)));
  } catch {
    find("here").textContent = word("noConnection");
  }
}

async function checkIn() {
  const reply = await askAsSomebody("/api/checkin", { player_id: roomId, s: signature });
  if (reply.answer.error === "unsigned") return say(word("unsigned"));
  if (reply.status !== 200) return say(refusal(reply.answer));
  showPlace(true);
  say(word("welcome"));
  await refresh();
}

async function vote(button) {
  const value = Number(button.dataset.vote);
  const { status, answer } = await ask("/api/votes", { player_id: roomId, vote_value: value });
  if (status === 403 || status === 401) {
    showPlace(false);
    return say(word("ended"));
  }
  if (status === 409) return say(word("notPlaying"));
  if (status === 202) return say(word("held"));
  if (status !== 200) return say(refusal(answer));
  for (const face of document.querySelectorAll("[data-vote]")) face.setAttribute("aria-pressed", face === button);
  say(word(value > 3 ? "thanksMore" : value < 3 ? "thanksLess" : "thanks"));
}

async function checkOut() {
  await ask("/api/checkout", {});
  showPlace(false);
  say(word("goodbye"));
  await refresh();
}

async function showCode() {
  const { status, answer } = await askAsSomebody("/api/link/code", {});
  if (status !== 200) return say(refusal(answer));
  find("code").textContent = `${answer.code.slice(0, 3)} ${answer.code.slice(3)}`;
  find("code-box").hidden = false;
  find("code-box").scrollIntoView({ block: "center" });
}

async function begin() {
  onTap(find("check-in"), checkIn, say);
  onTap(find("check-out"), checkOut, say);
  onTap(find("card"), showCode, say);
  for (const face of document.querySelectorAll("[data-vote]")) onTap(face, vote, say);
  await refresh();
  setInterval(() => { if (!document.hidden) refresh(); }, EVERY_MS);
  if (!login()) return;
  const { status, answer } = await ask("/api/me").catch(() => ({ status: 0 }));
  if (status === 401) keepLogin(null);
  showPlace(status === 200 && answer.session !== null && answer.session.player_id === roomId);
}

begin();

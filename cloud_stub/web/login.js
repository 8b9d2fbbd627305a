"use strict";

// Who this phone is, for every page of ours: an anonymous login, made when it is first needed.
const LOGIN_KEY = "cosound.login";
let loginInMemory = null; // where a browser keeps no storage, the login lives as long as the page

function login() {
  try { return localStorage.getItem(LOGIN_KEY) || loginInMemory; } catch { return loginInMemory; }
}

function keepLogin(token) {
  loginInMemory = token;
  try { token ? localStorage.setItem(LOGIN_KEY, token) : localStorage.removeItem(LOGIN_KEY); } catch { /* memory holds it */ }
}

async function ask(path, body) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (login()) headers.Authorization = `Bearer ${login()}`;
  const init = { headers, method: body === undefined ? "GET" : "POST" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(path, init);
  const answer = await response.json().catch(() => ({}));
  return { status: response.status, answer };
}

async function signUp() {
  const { answer } = await ask("/auth/v1/signup", {});
  keepLogin(answer.access_token);
}

// As somebody: signs up first where there is no login, and anew where it is from long ago.
async function askAsSomebody(path, body) {
  if (!login()) await signUp();
  const reply = await ask(path, body);
  if (reply.status !== 401) return reply;
  keepLogin(null);
  await signUp();
  return ask(path, body);
}

function onTap(button, act, failed) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try { await act(button); } catch { failed(word("failedLine")); }
    button.disabled = false;
  });
}

// The page's own calls to the server. Addresses are relative to the page, which may be served under any path.

let token = "";

export const currentToken = () => token;
export function useToken(given) {
  token = given;
}

export async function post(path, body) {
  const headers = { "Content-Type": "application/json", "X-Beside-Token": token };
  const answer = await fetch(new URL(`beside/${path}`, document.baseURI), { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer;
}

/** Have the browser's identity given or renewed. Resolves to {agrees, origin, host}: how the server sees this page. */
export async function identify() {
  return (await post("person", {})).json();
}

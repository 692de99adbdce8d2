/// A page to try the model by hand, without anything from elsewhere.
enum TryPage {
    static func bytes(_ generation: Generation) -> [UInt8] {
        let name = escaped(generation.model)
        return Array(
            """
            <!doctype html>
            <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(name)</title>
            <style>
            body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #222; background: #fff }
            h1 { font-size: 1.4rem; margin: 0 } code { font-size: .85em; color: #666 }
            textarea { width: 100%; box-sizing: border-box; font: inherit; padding: .6rem; margin: 1rem 0 .5rem; border: 1px solid #aaa; border-radius: 4px }
            button { font: inherit; padding: .4rem 1.2rem; border: 0; border-radius: 4px; background: #205493; color: #fff }
            table { border-collapse: collapse; width: 100%; margin-top: 1rem } td { padding: .2rem .5rem .2rem 0 }
            td:last-child { width: 60% } .bar { background: #8ba6ca; height: 1rem; border-radius: 2px } .error { color: #a00 }
            @media (prefers-color-scheme: dark) { body { color: #ddd; background: #1b1b1b } textarea { background: #222; color: #ddd } }
            </style>
            <h1>\(name)</h1>
            <code>\(escaped(generation.version))</code>
            <form><textarea rows="4" name="text" placeholder="A text" aria-label="A text"></textarea>
            <button>Predict</button> <label><input type="checkbox" name="explain"> why</label></form>
            <div id="answer" role="status"></div>
            <script>
            const form = document.querySelector("form"), place = document.querySelector("#answer");
            form.addEventListener("submit", async event => {
              event.preventDefault();
              place.textContent = "";
              try {
                const response = await fetch("predict", {method: "POST", headers: {"content-type": "application/json"},
                  body: JSON.stringify({text: form.text.value, explain: form.explain.checked})});
                const answer = await response.json();
                if (!response.ok) throw new Error(answer.error);
                const table = document.createElement("table");
                for (const [label, p] of Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1])) {
                  const row = table.insertRow();
                  row.insertCell().textContent = label;
                  row.insertCell().textContent = (100 * p).toFixed(1) + " %";
                  const bar = row.insertCell().appendChild(document.createElement("div"));
                  bar.className = "bar";
                  bar.style.width = 100 * p + "%";
                }
                place.append(table);
                const words = answer.explanation?.words ?? [], most = Math.max(1e-9, ...words.map(word => Math.abs(word.value)));
                if (words.length) {
                  const line = place.appendChild(document.createElement("p"));
                  for (const word of words) {
                    const mark = line.appendChild(document.createElement("span"));
                    mark.textContent = word.text;
                    mark.title = word.value.toFixed(3) + " for " + answer.explanation.target;
                    mark.style.background = `rgb(${word.value > 0 ? "0 140 60" : "200 40 40"} / ${Math.abs(word.value) / most / 2})`;
                    line.append(" ");
                  }
                }
              } catch (error) {
                const words = place.appendChild(document.createElement("p"));
                words.className = "error";
                words.textContent = error.message;
              }
            });
            form.text.addEventListener("keydown", event => {
              if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
            });
            </script>
            </html>

            """.utf8)
    }

    private static func escaped(_ text: String) -> String {
        text.map { character in
            switch character {
            case "<": "&lt;"
            case "&": "&amp;"
            default: String(character)
            }
        }.joined()
    }
}

import Base
import Testing
import TextModels

@Suite struct TextTests {
    @Test(arguments: [
        ("Don't", ["do", "n't"]), ("can't", ["ca", "n't"]), ("it's we'll I'd", ["it", "'s", "we", "'ll", "i", "'d"]),
        ("n't", ["n't"]), ("O'Brien", ["o", "'", "brien"]), ("don't<br />GO", ["do", "n't", "go"]), ("<BR /> x", ["x"]),
        ("3.5 a_b", ["3", ".", "5", "a_b"]), ("été ÉTÉ 日本", ["été", "été", "日本"]), ("wow!!", ["wow", "!", "!"]),
        ("", []), (" \t\n", []), ("<b>", ["<", "b", ">"]), ("they're, you've", ["they", "'re", ",", "you", "'ve"]),
        ("'s", ["'s"]), ("rock 'n' roll", ["rock", "'", "n", "'", "roll"]),
    ])
    func `text is cut into words`(text: String, expected: [String]) {
        #expect(Tokeniser.words(of: text) == expected)
    }

    @Test func `ranges are where the tokens are`() {
        let text = "  Isn't it e\u{301}t\u{301}é — 🎉 fine?<br />Ü"
        let bytes = Array(text.utf8)
        var end = 0
        for token in Tokeniser.tokens(of: text) {
            #expect(token.range.lowerBound >= end && token.range.upperBound <= bytes.count && !token.range.isEmpty)
            #expect(String(decoding: bytes[token.range], as: UTF8.self).lowercased() == token.text)
            end = token.range.upperBound
        }
    }

    @Test func `tables read and say what is wrong with them`() throws {
        let csv = "\u{feff}label,text\r\n1,\"a \"\"b\"\", c\nd\"\r\n0,\r\n"
        let data = try Dataset(parsing: Array(csv.utf8), name: "x.csv")
        #expect(data.texts == ["a \"b\", c\nd", ""] && data.labels == ["1", "0"])
        let lines = "{\"text\": \"x\", \"label\": 1}\n{\"label\": \"b\", \"text\": \"y\"}\n"
        #expect(try Dataset(parsing: Array(lines.utf8), name: "x.jsonl").labels == ["1", "b"])
        #expect(try Dataset.texts(parsing: Array("text\n\"\"".utf8), name: "x.csv") == [""])
        func message(_ text: [UInt8], _ name: String) -> String {
            do {
                _ = try Dataset(parsing: text, name: name)
                return "no error"
            } catch { return "\(error)" }
        }
        #expect(message(Array("label\ttxt\n1\tx\n".utf8), "a.tsv") == "'a.tsv' has no column 'text'")
        #expect(
            message(Array("label\ttext\n1\tx\ty\n".utf8), "a.tsv") == "'a.tsv' line 2: 3 fields where the header has 2")
        #expect(message(Array("label\ttext\n".utf8), "a.tsv") == "'a.tsv' holds no rows")
        #expect(message([], "a.tsv") == "'a.tsv' holds no rows")
        #expect(message(Array("label\ttext\n1\t".utf8) + [0xc3, 10], "a.tsv") == "'a.tsv' line 2 is not UTF-8 text")
        #expect(message(Array("label,text\n1,\"open\n".utf8), "a.csv") == "'a.csv' line 2: a quoted field has no end")
        #expect(message([65], "a.bin") == "'a.bin' is none of .tsv, .csv and .jsonl")
    }

    @Test func `specifications name the nearest known key`() throws {
        func message(_ text: String) -> String {
            do {
                _ = try ModelSpec(JSON(parsing: text))
                return "no error"
            } catch let error as MLError {
                return ([error.message] + error.hints).joined(separator: " | ")
            } catch { return "\(error)" }
        }
        #expect(
            message(#"{"embed": "word"}"#).hasPrefix("'model.embed': there is no layer 'word' | did you mean 'words'?"))
        #expect(
            message(#"{"embed": {"layer": "words", "widht": 3}}"#)
                == "unknown key 'model.embed.widht' | did you mean 'width'?")
        #expect(message(#"{"embed": "words", "atend": "max"}"#) == "unknown key 'model.atend' | did you mean 'attend'?")
        #expect(message("{}").hasPrefix("'model.embed' is missing"))
        #expect(message(#"{"embed": null}"#).hasPrefix("'model.embed' is missing"))
        #expect(message(#"{"embed": "ngrams", "attend": "max"}"#).hasPrefix("model: 'ngrams' has no word vectors"))
        #expect(throws: MLError.self) { try TrainingSpec("fast") }
        #expect(
            message(#"{"embed": "ngrams", "encode": "cnn"}"#).hasPrefix("model: 'ngrams' has no word vectors"))
        #expect(
            message(#"{"embed": {"layer": "words", "width": 0}}"#).hasPrefix(
                "'model.embed.width' must be a whole number"))
        let spec = try ModelSpec(
            JSON(parsing: #"{"embed": "words", "encode": {"layer": "bilstm"}, "attend": "context"}"#))
        #expect(try ModelSpec(spec.json) == spec)
        #expect(try TrainingSpec(TrainingSpec().json) == TrainingSpec())
    }

    @Test func `evaluation counts as by hand`() {
        let two = Evaluation([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [1, 0]], [0, 1, 0, 1], classes: 2)
        #expect(two.accuracy == 0.5 && two.f1 == 0.5)
        // −(ln 0.8 + ln 0.6 + ln 0.3 + ln 1e-15) / 4
        #expect(abs(two.logLoss - 9.119180) < 1e-5)
        let three = Evaluation([[0.6, 0.2, 0.2], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2]], [0, 1, 2], classes: 3)
        #expect(abs(three.f1 - (2.0 / 3 + 1 + 0) / 3) < 1e-12)
    }

    @Test func `L-BFGS finds the minimum of Rosenbrock's valley`() {
        var search = LBFGS()
        search.maximumIterations = 200
        search.tolerance = 1e-9
        let point = search.minimise([-1.2, 1]) { x in
            let (a, b) = (1 - x[0], x[1] - x[0] * x[0])
            return (a * a + 100 * b * b, [-2 * a - 400 * x[0] * b, 200 * b])
        }
        #expect(abs(point[0] - 1) < 1e-4 && abs(point[1] - 1) < 1e-4)
    }

    @Test func `n-grams with a combining mark of their own are found again`() throws {
        let data = Dataset(
            texts: ["I \u{2764}\u{FE0F} it", "I \u{2764}\u{FE0F} it", "dull it", "dull it"],
            labels: ["a", "a", "b", "b"])
        let model = try TextModel.train(
            ModelSpec(embed: .ngrams(n: 3, minimumCount: 1)), TrainingSpec(), train: data, dev: data)
        #expect(Evaluation.argmax(try model.predict(["\u{2764}\u{FE0F}"])[0]) == 0)
    }

    @Test func `the linear model learns three classes`() throws {
        var data = Dataset()
        for number in 0..<60 {
            data.texts.append(
                ["red apple sweet", "green tree tall", "blue sea wide"][number % 3] + " word\(number % 7)")
            data.labels.append(["a", "b", "c"][number % 3])
        }
        let model = try TextModel.train(
            ModelSpec(embed: .ngrams(n: 2, minimumCount: 1)), TrainingSpec(), train: data, dev: data)
        let rows = try model.predict(["a red apple", "blue sea", ""])
        #expect(Evaluation.argmax(rows[0]) == 0 && Evaluation.argmax(rows[1]) == 2)
        #expect(rows.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-9 })
        #expect(throws: MLError.self) {
            try TextModel.train(
                model.spec, model.training, train: Dataset(texts: ["x"], labels: ["a"]), dev: data)
        }
    }
}

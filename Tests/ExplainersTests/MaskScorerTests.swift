import Base
import Explainers
import Testing
import TextModels

/// Scoring a mask must be predicting the masked text.
@Suite struct MaskScorerTests {
    static let texts = [
        "The film is not good, but wonderful! The end", "", "word", "   ", "!!! ... ?!", "don't you're it's n't 's",
        "fine.<br /><br />Dull <BR /> film<br/>bad", "a <br\n/> b <br  /> c", "x<br", "<b>bold</b> &amp; <br />",
        "שלום עולם, הסרט טוב מאוד!", "très bon film — émouvant ’quoted’", "😀 good 👩‍👩‍👧 film 🇩🇪!", "e\u{301}te\u{301} good",
        "good good good, bad! good", "tab\tand\nline\r\nbreaks  and   runs", "\u{a0}non\u{a0}breaking\u{2003}spaces",
        "3.14 is_not 1,000 words", "'s start don' 't and 'll end'",
    ]

    /// Trained on its own texts, so that single words, pairs and triples are among the features.
    static func model(_ embed: JSON, encode: JSON = "none", attend: JSON = "mean", labels: Int = 2) throws -> TextModel
    {
        var spec: JSONObject = ["embed": embed]
        if embed["layer"] == "words" {
            spec["encode"] = encode
            spec["attend"] = attend
        }
        let rows = (0..<5).flatMap { _ in texts }
        let data = Dataset(texts: rows, labels: rows.indices.map { "l\($0 % labels)" })
        return try TextModel.train(
            ModelSpec(.object(spec)), TrainingSpec(["epochs": 1]), train: data, dev: data)
    }

    static let models: [@Sendable () throws -> TextModel] = [
        { try model(["layer": "ngrams", "n": 1, "min_count": 1]) },
        { try model(["layer": "ngrams", "n": 2, "min_count": 1]) },
        { try model(["layer": "ngrams", "n": 3, "min_count": 1], labels: 3) },
        { try model(["layer": "words", "width": 4, "min_count": 1, "max_tokens": 8], labels: 3) },
        {
            try model(
                ["layer": "words", "width": 4, "min_count": 1], encode: ["layer": "cnn", "width": 4], attend: "max")
        },
    ]

    @Test(arguments: models.indices) func `masks score as their texts do`(number: Int) throws {
        let model = try MaskScorerTests.models[number]()
        var fast = 0
        for (row, text) in MaskScorerTests.texts.enumerated() {
            var kinds: [any MaskableText] = [
                IndexedText(text), IndexedText(text, mergesRepeats: false), MaskedText(text),
                MaskedText(text, maskToken: ""), MaskedText(text, splitting: .whitespace),
                MaskedText(text, maskToken: "UNK"),
            ]
            let attribution = try InputXGradient().explain(text, predictor: model)
            kinds += [try HiddenWords(attribution), try HiddenWords(attribution, replacement: "so")]
            for (kind, variant) in kinds.enumerated() {
                guard let scorer = try model.scorer(for: variant) else { continue }
                fast += 1
                var random = SeededRandom(seed: 1, purpose: "masks", position: UInt64(row * 10 + kind))
                var masks = [BitSet(count: variant.players), BitSet(count: variant.players, all: true)]
                // Many are scored side by side, few one after the other.
                for _ in 0..<(row % 2 == 0 ? 20 : 80) {
                    masks.append(
                        BitSet(count: variant.players, (0..<variant.players).filter { _ in random.next() % 3 > 0 }))
                }
                let expected = try model.predict(masks.map(variant.masked))
                for (mask, (own, other)) in zip(masks, zip(try scorer.outputs(masks), expected)) {
                    let difference = zip(own, other).reduce(0) { max($0, abs($1.0 - $1.1)) }
                    #expect(difference < (number < 3 ? 1e-12 : 2e-6), "\(text) as \(variant.masked(mask))")
                }
            }
        }
        // Most texts have the fast way, or the test shows nothing.
        #expect(fast > 130)
    }

    /// Long texts, and masks that differ little from the one before: only what changes is counted anew.
    @Test(arguments: [0, 1, 2, 3]) func `masks one after the other score as their texts do`(number: Int) throws {
        let model = try [
            MaskScorerTests.models[0], MaskScorerTests.models[1], MaskScorerTests.models[2],
            {
                try MaskScorerTests.model(
                    ["layer": "words", "width": 4, "min_count": 1, "max_tokens": 300], labels: 3)
            },
        ][number]()
        // Broken marks of HTML have no fast way, and would take it from the whole text.
        let parts = MaskScorerTests.texts.filter { !$0.contains("<") }.joined(separator: " ")
        let text = (0..<5).map { "\($0) " + parts }.joined(separator: ", ")
        for variant in [
            IndexedText(text), IndexedText(text, mergesRepeats: false), MaskedText(text),
            MaskedText(text, maskToken: ""),
        ] as [any MaskableText] {
            let scorer = try #require(try model.scorer(for: variant))
            var random = SeededRandom(seed: 3, purpose: "near masks", position: UInt64(number))
            var mask = BitSet(count: variant.players, all: true)
            var masks = [mask]
            for step in 0..<250 {
                // Mostly one player, sometimes many; down to few and up again.
                for _ in 0..<(step % 50 == 49 ? variant.players / 3 : 1) {
                    mask[random.below(variant.players)] = (step / 60) % 2 == 1
                }
                masks.append(mask)
            }
            let expected = try model.predict(masks.map(variant.masked))
            for (own, other) in zip(try scorer.outputs(masks), expected) {
                let difference = zip(own, other).reduce(0) { max($0, abs($1.0 - $1.1)) }
                #expect(difference < (number < 3 ? 1e-12 : 2e-6))
            }
            // The order of the masks changes no bit.
            let again = try #require(try model.scorer(for: variant))
            // One after the other by what changes.
            let single = try #require(try model.scorer(for: variant))
            #expect(try masks.map { try single.outputs([$0])[0] } == (try scorer.outputs(masks)))
            let backwards = try again.outputs(masks.reversed())
            #expect(Array(backwards.reversed()) == (try scorer.outputs(masks)))
        }
    }
}

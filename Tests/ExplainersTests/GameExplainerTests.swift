import Base
import Explainers
import Testing

/// Counts what it is asked, by text or by mask, and answers from the words of the variant.
private final class FastModel: MaskedPredictor {
    let labels = ["no", "yes"]
    let usesMasks: Bool
    private let mutex = Mutex()
    nonisolated(unsafe) private var counts = (texts: 0, masks: 0, largest: 0)

    init(usesMasks: Bool) { self.usesMasks = usesMasks }

    var asked: (texts: Int, masks: Int, largest: Int) { mutex.withLock { counts } }

    static func answer(_ words: Set<String>) -> [Double] {
        let p = 0.3 + (words.contains("good") ? 0.2 : 0) + (words.isSuperset(of: ["good", "fun"]) ? 0.25 : 0)
        return [1 - p, p]
    }

    func predict(_ texts: [String]) throws -> [[Double]] {
        mutex.withLock {
            counts.texts += texts.count
            counts.largest = max(counts.largest, texts.count)
        }
        return texts.map { FastModel.answer(Set(IndexedText($0).words.map(\.text))) }
    }

    func scorer(for text: any MaskableText) throws -> (any MaskScorer)? {
        guard usesMasks else { return nil }
        let bytes = Array(text.text.utf8)
        let words = (0..<text.players).map { player in
            text.ranges(of: player).flatMap {
                IndexedText(String(decoding: bytes[$0], as: UTF8.self)).words.map(\.text)
            }
        }
        return Scorer(words: words) { masks in
            self.mutex.withLock {
                self.counts.masks += masks
                self.counts.largest = max(self.counts.largest, masks)
            }
        }
    }

    struct Scorer: MaskScorer {
        let words: [[String]]
        let count: @Sendable (Int) -> Void
        func outputs(_ masks: [BitSet]) throws -> [[Double]] {
            count(masks.count)
            return masks.map { mask in
                FastModel.answer(Set(words.indices.filter { mask[$0] }.flatMap { words[$0] }))
            }
        }
    }
}

@Suite struct GameExplainerTests {
    private let text = "a good and fun film, really fun."

    private var methods: [any Explainer] {
        [
            ExactShapley(), KernelShapley(), PermutationShapley(), SampledShapley(), PartitionShapley(), Occlusion(),
            Ablation(), Anchors(),
        ]
    }

    @Test func `a scorer of masks gives what the texts give, without texts`() throws {
        for method in methods {
            let slow = FastModel(usesMasks: false)
            let fast = FastModel(usesMasks: true)
            let a = try method.explain(text, predictor: slow, target: .predicted)
            let b = try method.explain(text, predictor: fast, target: .predicted)
            #expect(a.json().compact() == b.json().compact())
            #expect(slow.asked.masks == 0 && fast.asked.texts == 1 && fast.asked.masks == slow.asked.texts - 1)
        }
    }

    @Test func `batches bound what is asked at once and change nothing`() throws {
        let long = (0..<40).map { "w\($0)" }.joined(separator: " ") + " good fun"
        for batch in [1, 7] {
            var method = PermutationShapley()
            let whole = try method.explain(long, predictor: FastModel(usesMasks: false))
            method.masking.batchSize = batch
            let model = FastModel(usesMasks: false)
            #expect(try method.explain(long, predictor: model).json().compact() == whole.json().compact())
            #expect(model.asked.largest == batch)
        }
        #expect(throws: MLError.self) {
            try ExactShapley(masking: Masking(batchSize: 0)).explain("a b", predictor: FastModel(usesMasks: false))
        }
    }

    @Test func `coalitions are asked once`() throws {
        let model = FastModel(usesMasks: false)
        let result = try SampledShapley(samples: 2000).explain("good fun film", predictor: model)
        #expect(model.asked.texts == 9 && result.parameters["evaluations"] == 8)
        let game = Game(players: 2) { masks in masks.map { [Double($0.population)] } }
        #expect(try game.values([game.nobody, game.everybody, game.nobody], output: 0) == [0, 2, 0])
        #expect(game.evaluations == 2)
    }

    @Test func `the same seed gives the same bytes, another seed or text other draws`() throws {
        let predictor = ShapFixture.frozen.boxes["hash"]!
        func run(_ text: String, _ seed: UInt64) throws -> [[Double]] {
            let methods: [any Explainer] = [
                PermutationShapley(samples: 30, seed: seed), SampledShapley(samples: 30, seed: seed),
                KernelShapley(samples: 60, seed: seed), Anchors(samples: 3000, seed: seed),
            ]
            return try methods.map { try $0.explain(text, predictor: predictor, target: .predicted).words.map(\.value) }
        }
        let first = try run("one two three four five six seven", 1)
        #expect(try run("one two three four five six seven", 1) == first)
        #expect(zip(first, try run("one two three four five six seven", 2)).allSatisfy { $0 != $1 })
    }

    @Test func `delta says what the masking itself changes`() throws {
        // The package drops what stands behind the last word.
        let model = FunctionModel { $0.hasSuffix(".") ? 0.9 : 0.6 }
        let result = try ExactShapley().explain("a b.", predictor: model)
        #expect(abs(try #require(result.delta) - -0.3) < 1e-12)
        #expect(result.remarks == ["the text's tokens put together get 0.6, the text 0.9"])
        let exact = try ExactShapley().explain("a b", predictor: model)
        #expect(abs(try #require(exact.delta)) < 1e-12 && exact.remarks.isEmpty)
        #expect(try Occlusion().explain("a b", predictor: model).delta == nil)
    }

    @Test func `texts of no word, one word and separators alone`() throws {
        let model = FunctionModel { $0.contains("good") ? 0.8 : 0.3 }
        for method in methods {
            let empty = try method.explain("", predictor: model, target: .predicted)
            #expect(empty.words.isEmpty, "\(method.method)")
            let one = try method.explain("good", predictor: model, target: .predicted)
            #expect(one.words.count == 1 && one.words[0].start == 0 && one.words[0].end == 4)
            #expect(abs(one.words[0].value - 0.5) < (method.method == "anchors" ? 0.2 : 1e-12), "\(method.method)")
            let marks = try method.explain("?! ", predictor: model, target: .predicted)
            #expect(marks.words.count == 1 && marks.words[0].text.isEmpty && marks.words[0].value == 0)
        }
    }

    @Test func `words carry their places`() throws {
        let model = FunctionModel { Double($0.utf8.count % 7) / 7 }
        let words = try PartitionShapley().explain(" «Über» a\u{301} film!", predictor: model).words
        #expect(words.map(\.text) == ["«", "Über", "a", "film"])
        #expect(words.map(\.start) == [0, 3, 11, 15] && words[1].end == 8)
        let ablation = try Ablation().explain("a b a B", predictor: model).words
        #expect(ablation.map(\.occurrences) == [[0..<1, 4..<5], [2..<3], [6..<7]])
    }

    @Test func `wrong settings, long texts and wrong answers are errors`() throws {
        let model = FunctionModel { _ in 0.5 }
        let wrong: [any Explainer] = [
            KernelShapley(samples: 0), KernelShapley(tolerance: 0), KernelShapley(samples: 3),
            KernelShapley(seed: 1 << 32, source: .legacyNumPy), PermutationShapley(samples: 0),
            PermutationShapley(tolerance: -1), SampledShapley(seed: 1 << 40, source: .legacyNumPy),
            PartitionShapley(samples: 1), PartitionShapley(round: 0), Occlusion(window: 0),
            Occlusion(window: 2, stride: 3),
            Occlusion(stride: 0), Anchors(threshold: 1), Anchors(delta: 0), Anchors(slack: 2), Anchors(margin: 0),
            Anchors(beam: 0), Anchors(draws: 0),
        ]
        for method in wrong {
            let error = failure { _ = try method.explain("a b c d e f", predictor: model, target: .predicted) }
            #expect(error?.code == .usage, "\(method)")
        }
        let long = (0...ExactShapley.mostPlayers).map { "w\($0)" }.joined(separator: " ")
        let error = failure { _ = try ExactShapley().explain(long, predictor: model) }
        #expect(error?.code == .invalidInput && error?.message.contains("17 words") == true)
        #expect(failure { _ = try LinearShapley().explain("a", predictor: model) }?.code == .invalidInput)
        let broken = FunctionModel { $0.contains("...") ? .nan : 0.5 }
        for method in methods {
            let error = failure { _ = try method.explain("a b c", predictor: broken, target: .predicted) }
            #expect(error?.code == .failed, "\(method.method)")
        }
        #expect(failure { _ = try Anchors().explain("a", predictor: model, target: .label("yes")) }?.code == .usage)
    }

    @Test func `the registry makes every method with its options`() throws {
        #expect(
            ExplainerRegistry.entries.map(\.name) == [
                "lime", "ig", "saliency", "input-x-gradient", "smoothgrad", "smoothgrad-sq", "vargrad", "deeplift",
                "gradient-shap", "attention", "conductance", "neuron", "partition", "kernel", "permutation", "sampling",
                "exact", "linear", "occlusion", "ablation", "anchors",
            ])
        let options = ExplainerOptions(
            samples: 77, seed: 5, generator: .legacyNumPy, tolerance: 0.25, splitting: .whitespace, maskToken: "",
            context: .present, window: 2, stride: 2, threshold: 0.8, beam: 3, background: ["x"])
        let masking = Masking(splitting: .whitespace, maskToken: "")
        func made(_ name: String) throws -> any Explainer {
            let method = try ExplainerRegistry.explainer(name, options: options)
            #expect(name == "shap" || method.method == name)
            return method
        }
        let kernel = try #require(try made("kernel") as? KernelShapley)
        #expect(kernel.samples == 77 && kernel.seed == 5 && kernel.source == .legacyNumPy && kernel.tolerance == 0.25)
        #expect(kernel.masking == masking)
        let permutation = try #require(try made("permutation") as? PermutationShapley)
        #expect(permutation.samples == 77 && permutation.tolerance == 0.25 && permutation.masking == masking)
        let sampling = try #require(try made("sampling") as? SampledShapley)
        #expect(sampling.samples == 77 && sampling.seed == 5)
        let partition = try #require(try made("shap") as? PartitionShapley)
        #expect(partition.samples == 77 && partition.context == .present && partition.masking == masking)
        let occlusion = try #require(try made("occlusion") as? Occlusion)
        #expect(occlusion.window == 2 && occlusion.stride == 2)
        let anchors = try #require(try made("anchors") as? Anchors)
        #expect(anchors.threshold == 0.8 && anchors.beam == 3 && anchors.samples == 77)
        #expect(try #require(try made("linear") as? LinearShapley).background == ["x"])
        #expect(try #require(try made("exact") as? ExactShapley).masking == masking)
        #expect(try #require(try made("ablation") as? Ablation).masking == masking)
        let error = failure { _ = try ExplainerRegistry.explainer("shapp") }
        #expect(error?.hints.first == "did you mean 'shap'?")
        #expect(try ExplainerRegistry.splitting("whitespace") == .whitespace)
        #expect(try ExplainerRegistry.context("absent") == .absent)
        #expect(failure { _ = try ExplainerRegistry.splitting("letters") }?.code == .usage)
    }
}

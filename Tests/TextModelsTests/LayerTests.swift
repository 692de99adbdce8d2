import Base
import Glibc
import Tensors
import Testing
import TextModels

/// One table drives all layers: gradients, batches, files, seeds.
@Suite struct LayerTests {
    static let models: [ModelSpec] = [
        ModelSpec(embed: words, encode: .none, attend: .mean), ModelSpec(embed: words, encode: .none, attend: .max),
        ModelSpec(embed: words, encode: .cnn(window: 3, width: 6), attend: .mean),
        ModelSpec(embed: words, encode: .cnn(window: 5, width: 4), attend: .context(width: 3)),
        ModelSpec(embed: words, encode: .bilstm(width: 3), attend: .mean),
        ModelSpec(embed: words, encode: .bilstm(width: 4), attend: .context(width: 5)),
        ModelSpec(embed: words, encode: .bilstm(width: 2), attend: .max),
        ModelSpec(embed: words, encode: .bilstm(width: 2, layers: 2), attend: .last),
        ModelSpec(embed: words, encode: .bigru(width: 3), attend: .mean),
        ModelSpec(embed: words, encode: .bigru(width: 2, layers: 2), attend: .context(width: 3)),
        ModelSpec(embed: words, encode: .convolutions(windows: [1, 3], width: 3), attend: .max),
        ModelSpec(embed: words, encode: .maxout(window: 1, depth: 1, pieces: 3), attend: .mean),
        ModelSpec(embed: words, encode: .maxout(window: 2, depth: 2, pieces: 1), attend: .mean),
        ModelSpec(embed: words, encode: .transformer(heads: 2, layers: 2, hidden: 5), attend: .mean),
        ModelSpec(
            embed: words, vectors: .init(positions: .learned), encode: .transformer(heads: 3, layers: 1, hidden: 4),
            attend: .last),
        ModelSpec(embed: words, vectors: .init(positions: .waves), attend: .heads(width: 3, heads: 2)),
        ModelSpec(embed: words, attend: .hierarchical(width: 3)),
        ModelSpec(embed: words, encode: .bigru(width: 2), attend: .align(width: 3)),
        ModelSpec(embed: words, attend: .mean, predict: .init(.softmax, hidden: [4, 3], smoothing: 0.1)),
        ModelSpec(embed: words, vectors: .init(.subwords(buckets: 20, shortest: 2, longest: 3)), attend: .mean),
        ModelSpec(embed: words, vectors: .init(.multihash(rows: 9, pieces: 2)), attend: .mean),
        ModelSpec(embed: words, vectors: .init(.hashed(buckets: 7)), attend: .mean),
    ]
    static let words = ModelSpec.Embed.words(width: 6, minimumCount: 1, maximumTokens: 64)
    static let texts: [[Int32]] = [[1, 2, 3, 2], [4], [], [5, 1, 1, 0, 3, 2, 4]]
    static let truth = [0, 1, 2, 1]

    /// The mean loss of the table's texts, in double precision.
    static func loss(_ network: Network) -> Double {
        let probabilities = network.probabilities(texts)
        return truth.indices.reduce(0.0) { $0 - log(Double(probabilities[$1, truth[$1]])) }
    }

    /// Larger weights than at the start: gradients that are nearly zero would prove nothing.
    static func network(_ spec: ModelSpec, pretrained: PretrainedEncoder? = nil) -> Network {
        let names = ["", "alpha", "beta", "gamma", "delta", "x"]
        let features = spec.features.map { FeatureTable($0, words: Array(names.dropFirst())) }
        _ = features?.numbers(of: names)
        var network = Network(spec, words: 6, classes: 3, seed: 7, features: features, pretrained: pretrained)
        network.cutters = [1]
        network.parameters = network.parameters.map { parameter in
            var parameter = parameter
            var random = SeededRandom(seed: 3, purpose: parameter.name)
            for index in parameter.value.values.indices {
                parameter.value.values[index] = Float(random.uniform() * 1.6 - 0.8)
            }
            return parameter
        }
        return network
    }

    @Test(arguments: models) func `gradients are those of finite differences`(spec: ModelSpec) {
        LayerTests.check(LayerTests.network(spec), "\(spec)")
    }

    @Test func `each layer there is stands in the table`() throws {
        var seen: [String: Set<String>] = [
            "embed": ["ngrams", "pieces", "pretrained"], "predict": ["sigmoid", "regression"],
        ]
        for spec in LayerTests.models {
            for (line, _) in ModelSpec.layers {
                let name = spec.json[line]?["layer"]?.stringValue?.split(separator: ".").first.map(String.init)
                if let name { seen[line, default: []].insert(name) }
            }
        }
        // N-grams and pretrained encoders have tests of their own, pieces are words to the network, and the other answers
        // differ by their last function alone.
        for (line, names) in ModelSpec.layers { #expect(seen[line] == Set(names), "\(line)") }
    }

    @Test func `a pretrained encoder can be trained on`() {
        let shape = PretrainedEncoder.Shape(width: 6, layers: 2, heads: 2, hidden: 5, places: 12, epsilon: 1e-5)
        let spec = ModelSpec(embed: LayerTests.words, vectors: .init(.pretrained(folder: "")))
        let network = LayerTests.network(spec, pretrained: PretrainedEncoder(shape, isFrozen: false))
        LayerTests.check(network, "pretrained")
    }

    static func check(_ network: Network, _ spec: String) {
        var network = network
        let ids = Array(LayerTests.texts.joined())
        let (probabilities, backward) = network.forward(
            network.embed.forward(ids), layout: network.layout(LayerTests.texts))
        var gradient = probabilities
        for (row, label) in LayerTests.truth.enumerated() { gradient[row, label] -= 1 }
        var gradients = Gradients()
        network.embed.backward(ids, backward(gradient, &gradients), &gradients)
        let parameters = network.parameters
        for (place, parameter) in parameters.enumerated() {
            var expected = gradients.dense[parameter.name] ?? Matrix(parameter.value.rows, parameter.value.columns)
            if place == 0, let rows = gradients.rows {
                for (row, id) in rows.ids.enumerated() {
                    for column in 0..<rows.values.columns { expected[Int(id), column] = rows.values[row, column] }
                }
            }
            var largest = 0.0
            var kinks = 0
            for index in parameter.value.values.indices {
                func slope(_ step: Float) -> Double {
                    let values = [Float(1), -1].map { sign -> Double in
                        var moved = parameters
                        moved[place].value.values[index] += sign * step
                        network.parameters = moved
                        return LayerTests.loss(network)
                    }
                    return (values[0] - values[1]) / (2 * Double(step))
                }
                let (wide, narrow) = (slope(4e-3), slope(2e-3))
                // Where a maximum changes hands within the step there is no slope to compare with; where the loss only
                // bends, extrapolating to a step of nothing (Richardson) finds it.
                if abs(wide - narrow) > 0.05 {
                    kinks += 1
                } else {
                    largest = max(largest, abs((4 * narrow - wide) / 3 - Double(expected.values[index])))
                }
            }
            #expect(kinks * 20 <= parameter.value.values.count, "\(parameter.name) of \(spec)")
            #expect(largest < 5e-3, "\(parameter.name) of \(spec)")
        }
    }

    @Test(arguments: models) func `a text's answer does not depend on its batch`(spec: ModelSpec) {
        let network = LayerTests.network(spec)
        let together = network.probabilities(LayerTests.texts)
        for (row, text) in LayerTests.texts.enumerated() {
            let alone = network.probabilities([text])
            for label in 0..<3 { #expect(abs(alone[0, label] - together[row, label]) < 1e-5) }
            #expect(abs((0..<3).reduce(0) { $0 + alone[0, $1] } - 1) < 1e-5)
        }
    }

    @Test(arguments: models + [ModelSpec(embed: .ngrams(n: 2, minimumCount: 1))])
    func `a saved model answers the same, and a seed decides every byte`(spec: ModelSpec) throws {
        let data = LayerTests.corpus
        var training = try TrainingSpec()
        training.epochs = 2
        training.batch = 8
        func files(_ model: TextModel, _ name: String) throws -> [[UInt8]] {
            let folder = "/tmp/git-ml-layer-\(UInt64.random(in: 0...UInt64.max))-\(name)"
            try model.save(to: folder)
            defer { try? Files.remove(folder) }
            let read = try TextModel { try Files.read(folder + "/" + $0) }
            #expect(try read.predict(data.texts) == model.predict(data.texts))
            return try TextModel.fileNames.map { try Files.read(folder + "/" + $0) }
        }
        let first = try TextModel.train(spec, training, train: data, dev: data)
        let second = try TextModel.train(spec, training, train: data, dev: data)
        #expect(try files(first, "a") == files(second, "b"))
        training.seed = 2
        if case .words = spec.embed {
            let third = try TextModel.train(spec, training, train: data, dev: data)
            #expect(try files(third, "c")[2] != files(first, "d")[2])
        }
    }

    @Test(arguments: models + [ModelSpec(embed: .ngrams(n: 2, minimumCount: 1))])
    func `integrated gradients sum to the difference and align with tokens`(spec: ModelSpec) throws {
        var training = try TrainingSpec()
        training.epochs = 3
        let model = try TextModel.train(spec, training, train: LayerTests.corpus, dev: LayerTests.corpus)
        let text = "Good <br />FILM, isn't it? unseen-word 🎉"
        // Midpoints: the plain rule, independent of the explainer's.
        let nodes = (0..<400).map { (position: (Double($0) + 0.5) / 400, weight: 1 / 400.0) }
        for target in 0...1 {
            let result = try model.integratedGradients(of: text, target: target, nodes: nodes)
            #expect(result.attributions.count == (try model.tokens(of: text)).count)
            // Normalised layers bend sharply near the zero vectors, where this plain rule is too coarse.
            if !spec.isNormalised {
                #expect(abs(result.attributions.reduce(0, +) - (result.value - result.baseline)) < 2e-3)
            }
            #expect(abs(result.value - (try model.predict([text]))[0][target]) < 1e-5)
        }
    }

    /// Forty short texts that two words decide.
    static let corpus: Dataset = {
        var random = SeededRandom(seed: 5, purpose: "corpus")
        let filler = ["the", "film", "was", "plot", "it", "and"]
        var data = Dataset()
        for number in 0..<40 {
            let words = (0..<6).map { _ in filler[random.below(filler.count)] } + [number % 2 == 0 ? "good" : "bad"]
            data.texts.append(words.joined(separator: " "))
            data.labels.append(number % 2 == 0 ? "pos" : "neg")
        }
        return data
    }()
}

func log(_ x: Double) -> Double { Glibc.log(x) }

extension ModelSpec {
    fileprivate var isNormalised: Bool {
        switch encode {
        case .maxout, .transformer: true
        default: false
        }
    }
}

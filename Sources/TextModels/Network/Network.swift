import Base
import Tensors

/// Embed, Encode, Attend, Predict: words become vectors, vectors see their neighbours, a text becomes one vector,
/// the vector becomes answers.
package struct Network: Sendable {
    package var embed: WordEmbedding
    var encode: any EncodeLayer
    var attend: any AttendLayer
    var predict: SoftmaxPrediction
    /// Numbers of the words that end a sequence, where a text is several.
    package var cutters: Set<Int32> = []

    /// - Parameters:
    ///   - features: rows of words, where vectors are made of hashed rows.
    ///   - pretrained: the encoder behind pieces of words.
    package init(
        _ spec: ModelSpec, words: Int, classes: Int, seed: UInt64, features: FeatureTable? = nil,
        pretrained: PretrainedEncoder? = nil
    ) {
        guard case .words(let size, _, _) = spec.embed else { preconditionFailure("a network embeds words") }
        let width = pretrained?.outputWidth ?? size
        embed = WordEmbedding(
            words: words, width: width, features: features, isFrozen: spec.vectors.isFrozen, seed: seed)
        let core = pretrained ?? Network.encoder(spec.encode, width: width, seed: seed)
        switch spec.vectors.positions {
        case .none: encode = core
        case .learned: encode = PositionedEncoder(core, width: width, places: 512, seed: seed)
        case .waves: encode = PositionedEncoder(core, width: width, places: nil, seed: seed)
        }
        let encoded = encode.outputWidth
        let pooling = Network.attention(spec.attend, width: encoded, seed: seed)
        attend =
            spec.predict.hidden.isEmpty
            ? pooling : HiddenLayers(pooling, inputWidth: encoded, widths: spec.predict.hidden, seed: seed)
        let link: SoftmaxPrediction.Link =
            switch spec.predict.output {
            case .softmax: .softmax
            case .sigmoid: .sigmoid
            case .regression: .identity
            }
        predict = SoftmaxPrediction(
            inputWidth: attend.outputWidth(encoded), classes: classes, link: link, seed: seed)
    }

    private static func encoder(_ encode: ModelSpec.Encode, width: Int, seed: UInt64) -> any EncodeLayer {
        /// Layer n reads what layer n − 1 wrote, and draws its weights with a seed of its own.
        func stack(_ layers: Int, _ make: (_ input: Int, _ seed: UInt64) -> any EncodeLayer) -> any EncodeLayer {
            let first = make(width, seed)
            if layers == 1 { return first }
            return StackedEncoder([first] + (1..<layers).map { make(first.outputWidth, seed &+ UInt64($0) &* 7919) })
        }
        switch encode {
        case .none: return IdentityEncoder(outputWidth: width)
        case .cnn(let window, let size):
            return ConvolutionEncoder(window: window, inputWidth: width, outputWidth: size, seed: seed)
        case .convolutions(let windows, let size):
            return MultiConvolutionEncoder(windows: windows, inputWidth: width, width: size, seed: seed)
        case .maxout(let window, let depth, let pieces):
            return MaxoutWindowEncoder(window: window, width: width, depth: depth, pieces: pieces, seed: seed)
        case .bilstm(let size, let layers):
            return stack(layers) { BidirectionalLSTM(inputWidth: $0, width: size, seed: $1) }
        case .bigru(let size, let layers):
            return stack(layers) { BidirectionalGRU(inputWidth: $0, width: size, seed: $1) }
        case .transformer(let heads, let layers, let hidden):
            return TransformerEncoder(width: width, heads: heads, layers: layers, hidden: hidden, seed: seed)
        }
    }

    private static func attention(_ attend: ModelSpec.Attend, width: Int, seed: UInt64) -> any AttendLayer {
        switch attend {
        case .context(let size): ContextAttention(inputWidth: width, width: size, seed: seed)
        case .mean: MeanAttention()
        case .max: MaxAttention()
        case .last: LastAttention()
        case .heads(let size, let heads): MultiHeadPooling(inputWidth: width, width: size, heads: heads, seed: seed)
        case .hierarchical(let size): HierarchicalAttention(inputWidth: width, width: size, seed: seed)
        case .align(let size): AlignmentAttention(inputWidth: width, width: size, seed: seed)
        }
    }

    /// All parameters in a fixed order, the embedding's table first.
    package var parameters: [Parameter] {
        get { embed.parameters + encode.parameters + attend.parameters + predict.parameters }
        set {
            var rest = newValue[...]
            func take(_ count: Int) -> [Parameter] {
                defer { rest = rest.dropFirst(count) }
                return Array(rest.prefix(count))
            }
            embed.parameters = take(embed.parameters.count)
            encode.parameters = take(encode.parameters.count)
            attend.parameters = take(attend.parameters.count)
            predict.parameters = take(predict.parameters.count)
        }
    }

    /// Answers, a row a text.
    package func probabilities(_ texts: [[Int32]]) -> Matrix {
        let layout = layout(texts)
        return forward(embed.forward(Array(texts.joined())), layout: layout).probabilities
    }

    /// What is dropped in training, drawn before the batch is run.
    package struct Dropout {
        /// A factor for each value of the texts' vectors.
        var mask: Matrix
    }

    /// Where sequences begin and which belong together.
    package struct Layout: Sendable {
        package var offsets: [Int]
        package var groups: [Int]?
    }

    /// Cuts texts into sequences as the attention wants them: texts, sentences, or the two texts of a pair.
    package func layout(_ texts: [[Int32]]) -> Layout {
        if attend.grouping == .texts { return Layout(offsets: Network.offsets(texts), groups: nil) }
        var layout = Layout(offsets: [0], groups: [0])
        var end = 0
        for text in texts {
            var cuts: [Int] = []
            for (place, word) in text.enumerated() where cutters.contains(word) {
                // A run of marks ends one sentence.
                if attend.grouping == .sentences, cuts.last == place { cuts.removeLast() }
                if attend.grouping == .sentences || cuts.isEmpty { cuts.append(place + 1) }
            }
            if attend.grouping == .pairs {
                layout.offsets += [end + (cuts.first ?? text.count), end + text.count]
            } else {
                if cuts.last != text.count { cuts.append(text.count) }
                layout.offsets += cuts.map { end + $0 }
            }
            layout.groups?.append(layout.offsets.count - 1)
            end += text.count
        }
        return layout
    }

    /// Runs on word vectors; the way back takes gradients of the class scores to those of the word vectors.
    package func forward(
        _ vectors: Matrix, offsets: [Int], dropout: Dropout? = nil
    ) -> (probabilities: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        forward(vectors, layout: Layout(offsets: offsets), dropout: dropout)
    }

    /// The same for texts of several sequences.
    package func forward(
        _ vectors: Matrix, layout: Layout, dropout: Dropout? = nil
    ) -> (probabilities: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let (encoded, encodeBack) = encode.forward(Ragged(vectors, offsets: layout.offsets, groups: layout.groups))
        let (pooled, attendBack) = attend.forward(encoded)
        var kept = pooled
        if let dropout { Network.multiply(&kept, dropout.mask) }
        let (probabilities, predictBack) = predict.forward(kept)
        return (
            probabilities,
            { gradient, gradients in
                var inner = predictBack(gradient, &gradients)
                if let dropout { Network.multiply(&inner, dropout.mask) }
                return encodeBack(attendBack(inner, &gradients), &gradients)
            }
        )
    }

    package static func offsets(_ texts: [[Int32]]) -> [Int] {
        var offsets = [0]
        for text in texts { offsets.append((offsets.last ?? 0) + text.count) }
        return offsets
    }

    static func multiply(_ x: inout Matrix, _ mask: Matrix) { Kernels.multiply(&x, mask) }
}

import Base
import Tensors

/// Embed, Encode, Attend, Predict: words become vectors, vectors see their neighbours, a text becomes one vector,
/// the vector becomes class probabilities.
package struct Network: Sendable {
    package var embed: WordEmbedding
    var encode: any EncodeLayer
    var attend: any AttendLayer
    var predict: SoftmaxPrediction

    package init(_ spec: ModelSpec, words: Int, classes: Int, seed: UInt64) {
        guard case .words(let width, _, _) = spec.embed else { preconditionFailure("a network embeds words") }
        embed = WordEmbedding(words: words, width: width, seed: seed)
        switch spec.encode {
        case .none: encode = IdentityEncoder(outputWidth: width)
        case .cnn(let window, let size):
            encode = ConvolutionEncoder(window: window, inputWidth: width, outputWidth: size, seed: seed)
        case .bilstm(let size): encode = BidirectionalLSTM(inputWidth: width, width: size, seed: seed)
        }
        switch spec.attend {
        case .context(let size): attend = ContextAttention(inputWidth: encode.outputWidth, width: size, seed: seed)
        case .mean: attend = MeanAttention()
        case .max: attend = MaxAttention()
        }
        predict = SoftmaxPrediction(inputWidth: encode.outputWidth, classes: classes, seed: seed)
    }

    /// All parameters in a fixed order, the embedding first.
    package var parameters: [Parameter] {
        get { [embed.table] + encode.parameters + attend.parameters + predict.parameters }
        set {
            var rest = newValue[...]
            func take(_ count: Int) -> [Parameter] {
                defer { rest = rest.dropFirst(count) }
                return Array(rest.prefix(count))
            }
            embed.table = take(1)[0]
            encode.parameters = take(encode.parameters.count)
            attend.parameters = take(attend.parameters.count)
            predict.parameters = take(predict.parameters.count)
        }
    }

    /// Class probabilities, a row a text.
    package func probabilities(_ texts: [[Int32]]) -> Matrix {
        forward(embed.forward(Array(texts.joined())), offsets: Network.offsets(texts)).probabilities
    }

    /// What is dropped in training, drawn before the batch is run.
    package struct Dropout {
        /// A factor for each value of the texts' vectors.
        var mask: Matrix
    }

    /// Runs on word vectors; the way back takes gradients of the class scores to those of the word vectors.
    package func forward(
        _ vectors: Matrix, offsets: [Int], dropout: Dropout? = nil
    ) -> (probabilities: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let (encoded, encodeBack) = encode.forward(Ragged(vectors, offsets: offsets))
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

    private static func multiply(_ x: inout Matrix, _ mask: Matrix) {
        for index in x.values.indices { x.values[index] *= mask.values[index] }
    }
}

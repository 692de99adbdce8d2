import Base
import Tensors

/// What is left to train behind a frozen pretrained encoder: it is run once over all texts, and its output is the table
/// that a network without an encoder embeds from. Words that training drops are not dropped before the encoder then.
struct FrozenHead {
    /// Attends and predicts; its words are rows of the encoder's output.
    var model: NetworkModel
    var texts: [[Int32]]
    var devTexts: [[Int32]]
    private let whole: NetworkModel

    /// Bytes the output may take: beyond, the encoder runs again in each epoch.
    private static let budget = 512 << 20

    /// - Returns: nil where the encoder is trained too, where texts are cut into sentences or pairs, and where the output
    ///   would not fit.
    init?(_ whole: NetworkModel, texts: [[Int32]], devTexts: [[Int32]], progress: any ProgressReporter) throws {
        guard let encoder = whole.network.encode as? PretrainedEncoder, encoder.isFrozen,
            whole.network.attend.grouping == .texts
        else { return nil }
        let all = texts + devTexts
        // What has nothing to learn is done once too.
        let pooling = (whole.network.attend as? HiddenLayers)?.inner ?? whole.network.attend
        let isPooled = pooling.parameters.isEmpty
        let width = encoder.outputWidth
        let rows = isPooled ? all.count : all.reduce(0) { $0 + $1.count + 2 }
        guard rows * width * 4 <= FrozenHead.budget else { return nil }
        let network = whole.network
        let step = 64
        let order = all.indices.sorted { (all[$0].count, $0) < (all[$1].count, $1) }
        let groups = stride(from: 0, to: order.count, by: step).map { Array(order[$0..<min($0 + step, order.count)]) }
        var outputs = [[Float]](repeating: [], count: all.count)
        // In stretches, so that there is something to report.
        for start in stride(from: 0, to: groups.count, by: 16) {
            progress.report(
                "Encoding texts", completed: start * step, total: all.count, detail: "once for all epochs")
            let part = groups[start..<min(start + 16, groups.count)]
            let results = try parallelMap(count: part.count) { index -> [[Float]] in
                let ids = part[part.startIndex + index].map { all[$0] }
                let vectors = network.embed.forward(Array(ids.joined()))
                let (encoded, _) = network.encode.forward(Ragged(vectors, offsets: Network.offsets(ids)))
                if isPooled {
                    let (pooled, _) = pooling.forward(encoded)
                    return (0..<pooled.rows).map { Array(pooled.values[$0 * width..<($0 + 1) * width]) }
                }
                return (0..<encoded.count).map { text in
                    let range = encoded.range(text)
                    return Array(encoded.matrix.values[range.lowerBound * width..<range.upperBound * width])
                }
            }
            for (group, values) in zip(part, results) {
                for (row, value) in zip(group, values) { outputs[row] = value }
            }
        }
        var numbers: [[Int32]] = []
        var count: Int32 = 0
        for output in outputs {
            let length = Int32(output.count / width)
            numbers.append(Array(count..<count + length))
            count += length
        }
        var head = whole.network
        head.embed = WordEmbedding(words: 0, width: width, isFrozen: true, seed: 0)
        head.embed.table.value = Matrix(rows: Int(count), columns: width, values: Array(outputs.joined()))
        head.encode = IdentityEncoder(outputWidth: width)
        model = whole
        model.network = head
        self.texts = Array(numbers[..<texts.count])
        self.devTexts = Array(numbers[texts.count...])
        self.whole = whole
    }

    /// The whole network with what the head has learned.
    func restored(_ head: NetworkModel) -> NetworkModel {
        var model = whole
        model.network.attend = head.network.attend
        model.network.predict = head.network.predict
        return model
    }
}

import Base
import Tensors

/// What one part of a batch adds to a step.
struct BatchGradients: Sendable {
    let spec: ModelSpec
    let training: TrainingSpec

    /// Loss and gradients of some texts of a batch; gradients are those of the batch's mean loss.
    func gradients(
        _ network: Network, _ rows: ArraySlice<Int>, _ texts: [[Int32]], _ targets: Targets, _ weights: [Float]?,
        _ epoch: Int, total: Int
    ) -> (loss: Double, gradients: Gradients) {
        var gradients = Gradients()
        if rows.isEmpty { return (0, gradients) }
        let layout = network.layout(rows.map { texts[$0] })
        var ids: [[Int32]] = []
        let width = network.predict.parameters[0].value.rows
        var mask = Matrix(rows.count, width, repeating: 1)
        var vectorMask: [Float] = []
        let vectorWidth = network.embed.width
        let keep = Float(1 - training.dropout)
        let keepWords = Float(1 - training.wordDropout)
        let keepValues = Float(1 - training.embeddingDropout)
        for (place, row) in rows.enumerated() {
            var text = texts[row]
            // Keyed by the text and the epoch: the same draws however texts are grouped.
            var random = SeededRandom(
                seed: training.seed, purpose: "dropout", position: UInt64(epoch) << 32 | UInt64(row))
            if training.wordDropout > 0 {
                for index in text.indices where random.uniform() < training.wordDropout { text[index] = -1 }
            }
            if training.dropout > 0 {
                for column in 0..<mask.columns {
                    mask[place, column] = random.uniform() < training.dropout ? 0 : 1 / keep
                }
            }
            if training.embeddingDropout > 0 {
                for _ in 0..<text.count * vectorWidth {
                    vectorMask.append(random.uniform() < training.embeddingDropout ? 0 : 1 / keepValues)
                }
            }
            ids.append(text)
        }
        let flat = Array(ids.joined())
        var vectors = network.embed.forward(flat)
        // Words that stay are as much louder as words are missing, so that a whole text looks the same as in training.
        vectors.scale(by: 1 / keepWords)
        let values = vectorMask.isEmpty ? nil : Matrix(rows: flat.count, columns: vectorWidth, values: vectorMask)
        if let values { Network.multiply(&vectors, values) }
        let (answers, backward) = network.forward(vectors, layout: layout, dropout: Network.Dropout(mask: mask))
        var loss = 0.0
        var gradient = answers
        let classes = answers.columns
        let smoothing = Float(spec.predict.smoothing)
        for (place, row) in rows.enumerated() {
            var target = targets.rows[row]
            if smoothing > 0 { target = target.map { $0 * (1 - smoothing) + smoothing / Float(classes) } }
            let weight = weights.map { zip($0, target).reduce(0) { $0 + $1.0 * $1.1 } } ?? 1
            let answer = (0..<classes).map { Double(answers[place, $0]) }
            loss += Double(weight) * Targets.loss(answer, target, spec.predict.output)
            for label in 0..<classes { gradient[place, label] = weight * (gradient[place, label] - target[label]) }
        }
        gradient.scale(by: 1 / Float(total))
        var slopes = backward(gradient, &gradients)
        if let values { Network.multiply(&slopes, values) }
        slopes.scale(by: 1 / keepWords)
        network.embed.backward(flat, slopes, &gradients)
        return (loss, gradients)
    }
}

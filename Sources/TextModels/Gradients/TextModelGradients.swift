import Base
import Tensors

extension TextModel: DifferentiablePredictor {
    public func differentiable(
        _ text: String, target: Int, precision: Precision
    ) throws -> any DifferentiableText {
        let tokens = try tokens(of: text)
        switch kind {
        case .linear(let model): return LinearText(model, tokens: tokens, target: target)
        case .network(let model): return model.differentiable(tokens, target: target, precision: precision)
        }
    }

    public func integratedGradients(
        of text: String, target: Int, nodes: [(position: Double, weight: Double)]
    ) throws -> (attributions: [Double], value: Double, baseline: Double) {
        let opened = try differentiable(text, target: target, precision: .float)
        guard let opened = opened as? NetworkText else { return try opened.integratedGradients(nodes) }
        let vectors = Matrix(
            rows: opened.tokensOfRow.count, columns: opened.width, values: opened.vectors.map { Float($0) })
        guard let path = RecurrentPath(opened.network, vectors: vectors) else {
            return try opened.integratedGradients(nodes)
        }
        let (rows, value, baseline) = try path.integrate(nodes, target: target)
        var attributions = [Double](repeating: 0, count: opened.tokens.count)
        for (row, tokens) in opened.tokensOfRow.enumerated() {
            for token in tokens { attributions[token] += rows[row] }
        }
        return (attributions, value, baseline)
    }
}

extension NetworkModel {
    func differentiable(_ tokens: [TextToken], target: Int, precision: Precision) -> NetworkText {
        var network = network
        if var encoder = network.encode as? PretrainedEncoder {
            encoder.isFrozen = false
            network.encode = encoder
        }
        let ids = numbers(tokens.map(\.text))
        let vectors = network.embed.forward(ids)
        return NetworkText(
            network: network, layout: network.layout([ids]), tokens: tokens,
            tokensOfRow: WordVocabulary.kept(tokens.count, limit: limit).flatMap { $0.map { [$0] } },
            width: vectors.columns, vectors: vectors.doubles, target: target, precision: precision)
    }
}

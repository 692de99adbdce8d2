import Base

/// Neuron conductance (Dhamdhere, Sundararajan and Yan 2019, equation 2): how much of each word's integrated gradient
/// flows through one unit of a layer: (x − x′)·Σₖ wₖ·∂F/∂y·∂y/∂x at the points of the path. As captum 0.9's
/// `NeuronConductance` with the same quadrature, summed over the rows of a layer that has a row for each word.
public struct NeuronConductance: Explainer {
    public var layer: String
    /// The unit's number, from 0; nil for the one of the largest layer conductance.
    public var unit: Int?
    public var steps: Int
    public var precision: Precision

    public init(layer: String = "attend", unit: Int? = nil, steps: Int = 50, precision: Precision = .float) {
        self.layer = layer
        self.unit = unit
        self.steps = steps
        self.precision = precision
    }

    public var method: String { "neuron" }

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let opened = try GradientQuestion(
            text, predictor: predictor, target: target, method: method, precision: precision)
        let index = try opened.layer(layer, method: method)
        let shape = opened.model.layers[index]
        if let unit, !(0..<shape.units).contains(unit) {
            throw MLError(
                .usage, "layer '\(layer)' has no unit \(unit)", hint: "it has the units 0 to \(shape.units - 1)")
        }
        let chosen = try unit ?? largest(opened, layer: index, units: shape.units)
        let nodes = GaussLegendre.nodes(steps)
        guard !nodes.isEmpty else { throw MLError(.usage, "'neuron' needs at least 1 step, not \(steps)") }
        let vectors = opened.model.vectors
        let slopes = try opened.slopes(
            at: nodes.map { node in vectors.map { node.position * $0 } }, through: (index, chosen))
        var sums = [Double](repeating: 0, count: vectors.count)
        for (node, slope) in zip(nodes, slopes) {
            for place in sums.indices { sums[place] += node.weight * slope.gradient[place] * vectors[place] }
        }
        return opened.attribution(
            method,
            parameters: [
                "layer": .string(layer), "unit": JSON(chosen), "steps": JSON(steps), "baseline": "zero",
                "precision": .string(precision.rawValue),
            ], values: opened.perToken(sums), base: try opened.slopes(at: [opened.baseline])[0].value, delta: nil,
            remarks: ["through unit \(chosen) of layer '\(layer)'"])
    }

    private func largest(_ opened: GradientQuestion, layer: Int, units: Int) throws -> Int {
        let values = try LayerConductance.units(opened, layer: layer, steps: steps, method: method)
        var sums = [Double](repeating: 0, count: units)
        for (place, value) in values.enumerated() { sums[place % units] += value }
        return sums.indices.dropFirst().reduce(0) { abs(sums[$1]) > abs(sums[$0]) ? $1 : $0 }
    }
}

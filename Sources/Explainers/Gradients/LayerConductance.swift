import Base

/// Layer conductance (Dhamdhere, Sundararajan and Yan, "How important is a neuron?", ICLR 2019, equation 3): how much of
/// the difference to the zero vectors flows through each unit of a layer, along the path of integrated gradients. As
/// captum 0.9's `LayerConductance`: Σₖ ∂F/∂y(αₖ)·(y(αₖ₊₁) − y(αₖ)) over `steps` + 1 Gauss–Legendre points.
///
/// Of a layer with a row for each word, a word's value is the sum over its row; of a layer with one vector for the text,
/// the units themselves are listed, without a place in the text.
public struct LayerConductance: Explainer {
    public var layer: String
    public var steps: Int
    /// Doubles the steps until |delta| is at most this, up to `IntegratedGradients.mostSteps`.
    public var tolerance: Double?
    public var precision: Precision

    public init(
        layer: String = "encode", steps: Int = 50, tolerance: Double? = nil, precision: Precision = .float
    ) {
        self.layer = layer
        self.steps = steps
        self.tolerance = tolerance
        self.precision = precision
    }

    public var method: String { "conductance" }

    public func explain(
        _ text: String, predictor: any Predictor, target: ExplanationTarget = .predicted
    ) throws -> Attribution {
        let opened = try GradientQuestion(
            text, predictor: predictor, target: target, method: method, precision: precision)
        let index = try opened.layer(layer, method: method)
        let shape = opened.model.layers[index]
        let ends = try opened.slopes(at: [opened.model.vectors, opened.baseline])
        let whole = ends[0].value - ends[1].value
        var (units, steps) = (try conductances(opened, layer: index, steps: steps), steps)
        if let tolerance {
            guard tolerance > 0, tolerance.isFinite else {
                throw MLError(.usage, "the tolerance of '\(method)' must be a positive number")
            }
            while abs(units.reduce(0, +) - whole) > tolerance, steps * 2 <= IntegratedGradients.mostSteps {
                steps *= 2
                units = try conductances(opened, layer: index, steps: steps)
            }
        }
        let delta = units.reduce(0, +) - whole
        var parameters: JSONObject = [
            "layer": .string(layer), "units": JSON(shape.units), "steps": JSON(steps), "baseline": "zero",
            "precision": .string(precision.rawValue),
        ]
        var remarks = ["layer '\(layer)'"]
        if let tolerance {
            parameters["tolerance"] = .number(tolerance)
            if abs(delta) > tolerance { remarks.append("delta above the tolerance after \(steps) steps") }
        }
        if let rows = shape.rows {
            let sums = (0..<rows).map { units[$0 * shape.units..<($0 + 1) * shape.units].reduce(0, +) }
            return opened.attribution(
                method, parameters: parameters, values: opened.perToken(rows: sums), base: ends[1].value, delta: delta,
                remarks: remarks)
        }
        var out = opened.attribution(
            method, parameters: parameters, values: [Double](repeating: 0, count: opened.model.tokens.count),
            base: ends[1].value, delta: delta, remarks: remarks + ["units of the layer, not words"])
        out.words = units.enumerated().map { .init(index: $0, text: "\(layer)[\($0)]", occurrences: [], value: $1) }
        return out
    }

    /// One value for each unit of each row of the layer.
    package static func sum(_ points: [LayerSlope]) -> [Double] {
        var out = [Double](repeating: 0, count: points.first?.activation.count ?? 0)
        for (here, next) in zip(points, points.dropFirst()) {
            for unit in out.indices {
                out[unit] += here.gradient[unit] * (next.activation[unit] - here.activation[unit])
            }
        }
        return out
    }

    private func conductances(_ opened: GradientQuestion, layer: Int, steps: Int) throws -> [Double] {
        try LayerConductance.units(opened, layer: layer, steps: steps, method: method)
    }

    static func units(_ opened: GradientQuestion, layer: Int, steps: Int, method: String) throws -> [Double] {
        guard steps >= 1 else { throw MLError(.usage, "'\(method)' needs at least 1 step, not \(steps)") }
        let points = GaussLegendre.nodes(steps + 1).map { node in opened.model.vectors.map { node.position * $0 } }
        let slopes = try opened.model.layerSlopes(layer, at: points)
        guard slopes.allSatisfy({ $0.gradient.allSatisfy(\.isFinite) && $0.activation.allSatisfy(\.isFinite) }) else {
            throw MLError(.failed, "the model gave a gradient that is not a finite number")
        }
        return sum(slopes)
    }
}

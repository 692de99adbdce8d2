import Tensors

/// What layers are made of, in ONNX's operators.
extension OnnxGraph {
    mutating func plus(_ a: Value, _ b: Value) -> Value { add("Add", [a, b]) }
    mutating func times(_ a: Value, _ b: Value) -> Value { add("Mul", [a, b]) }
    mutating func product(_ a: Value, _ b: Value) -> Value { add("MatMul", [a, b]) }

    /// x W + b over the last axis.
    mutating func dense(_ x: Value, _ weight: Matrix, _ bias: Matrix?) -> Value {
        let scores = product(x, constant(weight))
        guard let bias else { return scores }
        return plus(scores, constant(bias.values, [bias.values.count]))
    }

    mutating func transposed(_ x: Value, _ order: [Int]) -> Value {
        add("Transpose", [x], [("perm", .integers(order))])
    }

    /// - Parameter shape: 0 keeps a size, -1 is what is left.
    mutating func reshaped(_ x: Value, _ shape: [Int]) -> Value { add("Reshape", [x, integers(shape)]) }

    mutating func sum(_ x: Value, axis: Int, isKept: Bool = true) -> Value {
        add("ReduceSum", [x, integers([axis])], [("keepdims", .integer(isKept ? 1 : 0))])
    }

    /// exp(x) / Σ exp(x) along an axis, over the places where the mask is 1 only.
    ///
    /// - Parameter mask: 1 or 0, of a shape that spreads to that of x.
    mutating func softmax(_ x: Value, mask: Value? = nil, axis: Int) -> Value {
        guard let mask else { return add("Softmax", [x], [("axis", .integer(axis))]) }
        let far = times(add("Sub", [mask, constant(1)]), constant(1e9))
        return times(add("Softmax", [plus(x, far)], [("axis", .integer(axis))]), mask)
    }

    mutating func normalised(_ x: Value, _ scale: Matrix, _ shift: Matrix, _ epsilon: Float) -> Value {
        let width = scale.values.count
        return add(
            "LayerNormalization", [x, constant(scale.values, [width]), constant(shift.values, [width])],
            [("axis", .integer(-1)), ("epsilon", .float(epsilon))])
    }

    mutating func gelu(_ x: Value) -> Value {
        let erf = add("Erf", [times(x, constant(0.70710678))])
        return times(times(x, constant(0.5)), plus(erf, constant(1)))
    }

    /// A product with each window of words, texts × words × channels; words beyond a text's end must be zero.
    ///
    /// - Parameter weight: (window · inputs) × outputs, the window's words one after the other.
    mutating func convolution(_ x: Value, _ weight: Matrix, _ bias: Matrix, window: Int) -> Value {
        let inputs = weight.rows / window
        var turned = [Float](repeating: 0, count: weight.values.count)
        for output in 0..<weight.columns {
            for input in 0..<inputs {
                for place in 0..<window {
                    turned[(output * inputs + input) * window + place] = weight[place * inputs + input, output]
                }
            }
        }
        let result = add(
            "Conv",
            [
                transposed(x, [0, 2, 1]), constant(turned, [weight.columns, inputs, window]),
                constant(bias.values, [weight.columns]),
            ], [("kernel_shape", .integers([window])), ("pads", .integers([window / 2, window / 2]))])
        return transposed(result, [0, 2, 1])
    }

    /// Every word attends to every word of its own sequence, in several heads.
    ///
    /// - Parameter mask: texts × words × 1.
    mutating func selfAttention(
        _ x: Value, mask: Value, heads: Int, _ parts: [String: (weight: Matrix, bias: Matrix)]
    ) -> Value {
        guard let query = parts["query"], let key = parts["key"], let value = parts["value"],
            let output = parts["output"]
        else { return x }
        let size = query.weight.columns / heads
        func split(_ graph: inout OnnxGraph, _ part: (weight: Matrix, bias: Matrix), _ order: [Int]) -> Value {
            graph.transposed(graph.reshaped(graph.dense(x, part.weight, part.bias), [0, 0, heads, size]), order)
        }
        let scores = times(
            product(split(&self, query, [0, 2, 1, 3]), split(&self, key, [0, 2, 3, 1])),
            constant(1 / Float(size).squareRoot()))
        // texts × 1 × 1 × words.
        let across = add("Unsqueeze", [transposed(mask, [0, 2, 1]), integers([1])])
        let mixed = product(softmax(scores, mask: across, axis: -1), split(&self, value, [0, 2, 1, 3]))
        return dense(reshaped(transposed(mixed, [0, 2, 1, 3]), [0, 0, heads * size]), output.weight, output.bias)
    }
}

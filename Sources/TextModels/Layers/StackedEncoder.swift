import Tensors

/// Encoders one after the other; the parameters of the second and later ones carry their number.
struct StackedEncoder: EncodeLayer {
    private var layers: [any EncodeLayer]
    var outputWidth: Int { layers.last?.outputWidth ?? 0 }

    /// - Parameter layers: at least one.
    init(_ layers: [any EncodeLayer]) {
        self.layers = layers.enumerated().map { number, layer in
            number == 0 ? layer : NumberedEncoder(layer, "\(number + 1)")
        }
    }

    var parameters: [Parameter] {
        get { layers.flatMap(\.parameters) }
        set {
            var start = 0
            for index in layers.indices {
                let count = layers[index].parameters.count
                layers[index].parameters = Array(newValue[start..<start + count])
                start += count
            }
        }
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        var current = x
        var backs: [(Matrix, inout Gradients) -> Matrix] = []
        for layer in layers {
            let (output, back) = layer.forward(current)
            current = output
            backs.append(back)
        }
        let steps = backs
        return (
            current,
            { gradient, gradients in
                var result = gradient
                for back in steps.reversed() { result = back(result, &gradients) }
                return result
            }
        )
    }
}

/// An encoder whose parameters have a suffix, so that two of a kind can stand in one file.
private struct NumberedEncoder: EncodeLayer {
    private var inner: any EncodeLayer
    private let suffix: String
    var outputWidth: Int { inner.outputWidth }

    init(_ inner: any EncodeLayer, _ suffix: String) {
        self.inner = inner
        self.suffix = suffix
    }

    var parameters: [Parameter] {
        get { inner.parameters.map { Parameter("\($0.name).\(suffix)", $0.value) } }
        set { inner.parameters = zip(inner.parameters, newValue).map { Parameter($0.name, $1.value) } }
    }

    func forward(_ x: Ragged) -> (output: Ragged, backward: (Matrix, inout Gradients) -> Matrix) {
        let (output, back) = inner.forward(x)
        let suffix = suffix
        return (
            output,
            { gradient, gradients in
                var own = Gradients()
                let result = back(gradient, &own)
                for (name, value) in own.dense { gradients.add("\(name).\(suffix)", value) }
                return result
            }
        )
    }
}

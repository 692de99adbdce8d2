import Tensors

/// Rectified linear layers on a text's vector, after whatever made it.
struct HiddenLayers: AttendLayer {
    /// What makes a text's vector.
    private(set) var inner: any AttendLayer
    private var layers: [Dense]
    private let width: Int

    /// - Parameter widths: units of each layer.
    init(_ inner: any AttendLayer, inputWidth: Int, widths: [Int], seed: UInt64) {
        self.inner = inner
        var width = inner.outputWidth(inputWidth)
        layers = []
        for (number, size) in widths.enumerated() {
            layers.append(Dense("predict.hidden.\(number)", width, size, seed: seed))
            width = size
        }
        self.width = width
    }

    var grouping: Grouping { inner.grouping }
    func outputWidth(_ input: Int) -> Int { width }

    var parameters: [Parameter] {
        get { inner.parameters + layers.flatMap(\.parameters) }
        set {
            let count = inner.parameters.count
            inner.parameters = Array(newValue[0..<count])
            for index in layers.indices {
                layers[index].parameters = Array(newValue[count + 2 * index..<count + 2 * index + 2])
            }
        }
    }

    func forward(_ x: Ragged) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        var (current, innerBack) = inner.forward(x)
        var backs: [(output: Matrix, back: (Matrix, inout Gradients) -> Matrix)] = []
        for layer in layers {
            var (output, back) = layer.forward(current)
            Kernels.rectify(&output)
            current = output
            backs.append((output, back))
        }
        let (steps, first) = (backs, innerBack)
        return (
            current,
            { gradient, gradients in
                var result = gradient
                for step in steps.reversed() {
                    Kernels.rectifyBackward(&result, output: step.output)
                    result = step.back(result, &gradients)
                }
                return first(result, &gradients)
            }
        )
    }
}

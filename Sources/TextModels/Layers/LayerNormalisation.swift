import Tensors

/// Each row shifted and scaled to mean 0 and variance 1, then by learned factors (Ba, Kiros & Hinton 2016, equation 4).
struct LayerNormalisation: Sendable {
    var scale: Parameter
    var shift: Parameter
    var epsilon: Float

    init(_ name: String, width: Int, epsilon: Float = 1e-5) {
        scale = Parameter(name + ".scale", Matrix(1, width, repeating: 1))
        shift = .zeros(name + ".shift", 1, width)
        self.epsilon = epsilon
    }

    func forward(_ x: Matrix) -> (output: Matrix, backward: (Matrix, inout Gradients) -> Matrix) {
        let columns = x.columns
        var normal = x
        let factors = Kernels.normaliseRows(&normal, epsilon: epsilon)
        var output = normal
        Kernels.scaleColumns(&output, scale.value)
        Kernels.addBias(&output, shift.value)
        let (kept, scales, names) = (normal, scale.value, (scale.name, shift.name))
        return (
            output,
            { gradient, gradients in
                var products = gradient
                Kernels.multiply(&products, kept)
                gradients.add(names.0, Kernels.columnSums(products))
                gradients.add(names.1, Kernels.columnSums(gradient))
                var result = gradient
                Kernels.scaleColumns(&result, scales)
                result.values.withUnsafeMutableBufferPointer { result in
                    kept.values.withUnsafeBufferPointer { kept in
                        for (row, factor) in factors.enumerated() {
                            let start = row * columns
                            let mean = Kernels.sum(UnsafeBufferPointer(result), start, columns) / Float(columns)
                            let slope =
                                Kernels.dot(UnsafeBufferPointer(result), start, kept, start, columns) / Float(columns)
                            for place in start..<start + columns {
                                result[place] = factor * (result[place] - (mean + kept[place] * slope))
                            }
                        }
                    }
                }
                return result
            }
        )
    }
}

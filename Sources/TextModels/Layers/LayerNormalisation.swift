import Glibc
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
        var normal = Matrix(x.rows, columns)
        var output = normal
        var inverse = [Float](repeating: 0, count: x.rows)
        normal.values.withUnsafeMutableBufferPointer { normal in
            output.values.withUnsafeMutableBufferPointer { output in
                for row in 0..<x.rows {
                    let start = row * columns
                    var mean: Float = 0
                    for column in 0..<columns { mean += x.values[start + column] }
                    mean /= Float(columns)
                    var variance: Float = 0
                    for column in 0..<columns {
                        let difference = x.values[start + column] - mean
                        variance += difference * difference
                    }
                    let factor = 1 / (variance / Float(columns) + epsilon).squareRoot()
                    inverse[row] = factor
                    for column in 0..<columns {
                        let value = (x.values[start + column] - mean) * factor
                        normal[start + column] = value
                        output[start + column] = value * scale.value.values[column] + shift.value.values[column]
                    }
                }
            }
        }
        let (kept, factors, scales, names) = (normal, inverse, scale.value, (scale.name, shift.name))
        return (
            output,
            { gradient, gradients in
                var result = Matrix(gradient.rows, columns)
                var scaleGradient = Matrix(1, columns)
                for row in 0..<gradient.rows {
                    let start = row * columns
                    var sum: Float = 0
                    var product: Float = 0
                    for column in 0..<columns {
                        let slope = gradient.values[start + column]
                        scaleGradient.values[column] += slope * kept.values[start + column]
                        let inner = slope * scales.values[column]
                        sum += inner
                        product += inner * kept.values[start + column]
                    }
                    for column in 0..<columns {
                        let inner = gradient.values[start + column] * scales.values[column]
                        result.values[start + column] =
                            factors[row] * (inner - (sum + kept.values[start + column] * product) / Float(columns))
                    }
                }
                gradients.add(names.0, scaleGradient)
                gradients.add(names.1, Kernels.columnSums(gradient))
                return result
            }
        )
    }
}

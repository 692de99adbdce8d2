import Base
import Tensors
import Testing

func randomMatrix(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
    var random = SeededRandom(seed: seed, purpose: "matrix")
    return Matrix(
        rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(random.uniform() * 2 - 1) })
}

func largestDifference(_ a: Matrix, _ b: Matrix) -> Float {
    zip(a.values, b.values).map { abs($0 - $1) }.max() ?? 0
}

@Suite struct TensorsTests {
    @Test(arguments: 0..<12) func `products agree with their definition`(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed), purpose: "shapes")
        let (m, k, n) = (1 + random.below(20), 1 + random.below(20), 1 + random.below(20))
        let (ta, tb) = (seed % 2 == 1, seed % 4 >= 2)
        let a = randomMatrix(ta ? k : m, ta ? m : k, seed: 1)
        let b = randomMatrix(tb ? n : k, tb ? k : n, seed: 2)
        let fast = MatrixProduct.of(a, transposed: ta, b, secondTransposed: tb)
        #expect(largestDifference(fast, MatrixProduct.reference(a, transposed: ta, b, secondTransposed: tb)) < 1e-5)
    }

    @Test func `kernels agree with their definitions`() {
        let x = randomMatrix(7, 5, seed: 3)
        var softmax = x
        Kernels.softmaxRows(&softmax)
        #expect(largestDifference(softmax, ReferenceKernels.softmaxRows(x)) < 1e-6)
        let ragged = Ragged(randomMatrix(9, 4, seed: 4), offsets: [0, 1, 1, 6, 9])
        #expect(Kernels.windows(ragged, window: 5) == ReferenceKernels.windows(ragged, window: 5))
        for value in stride(from: Float(-12), through: 12, by: 0.37) {
            #expect(abs(Double(Kernels.fastTanh(value)) - tanhReference(Double(value))) < 1e-6)
        }
    }

    @Test func `windows and their way back are adjoint`() {
        let offsets = [0, 3, 3, 10]
        let x = randomMatrix(10, 3, seed: 5)
        let y = randomMatrix(10, 9, seed: 6)
        let forward = Kernels.windows(Ragged(x, offsets: offsets), window: 3)
        let back = Kernels.windowsBackward(y, offsets: offsets, window: 3)
        let left = zip(forward.values, y.values).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let right = zip(x.values, back.values).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(left - right) < 1e-5)
    }

    @Test func `safetensors round trip and refuse what lies`() throws {
        let tensors = [("a", randomMatrix(3, 4, seed: 7)), ("b.c", randomMatrix(1, 2, seed: 8))]
        let bytes = SafeTensors.encode(tensors.map { (name: $0.0, value: $0.1) })
        #expect(bytes.prefix(8).last == 0 && (bytes.count - 8 - Int(bytes[0]) - Int(bytes[1]) * 256) == 14 * 4)
        let read = try SafeTensors.decode(bytes, name: "t")
        #expect(read["a"] == tensors[0].1 && read["b.c"] == tensors[1].1)
        for length in stride(from: 0, to: bytes.count, by: 3) {
            #expect(throws: MLError.self) { try SafeTensors.decode(Array(bytes.prefix(length)), name: "t") }
        }
        func file(_ header: String, _ data: Int) -> [UInt8] {
            var out = [UInt8](repeating: 0, count: 8)
            out[0] = UInt8(header.utf8.count)
            return out + Array(header.utf8) + [UInt8](repeating: 0, count: data)
        }
        let overlapping =
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#
        let gap = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#
        let wrongType = #"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}"#
        let wrongShape = #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#
        for header in [overlapping, gap, wrongType, wrongShape] {
            #expect(throws: MLError.self) { try SafeTensors.decode(file(header, 8), name: "t") }
        }
        var random = SeededRandom(seed: 1, purpose: "noise")
        for _ in 0..<300 {
            var broken = bytes
            broken[random.below(broken.count)] = UInt8(truncatingIfNeeded: random.next())
            _ = try? SafeTensors.decode(broken, name: "t")
        }
    }

    private func tanhReference(_ x: Double) -> Double { 1 - 2 / (1 + Foundationless.exp(2 * x)) }
}

/// exp by its series on a reduced argument: independent of the kernel under test.
enum Foundationless {
    static func exp(_ x: Double) -> Double {
        var term = 1.0
        var sum = 1.0
        let reduced = x / 1024
        for n in 1..<20 {
            term *= reduced / Double(n)
            sum += term
        }
        for _ in 0..<10 { sum *= sum }
        return sum
    }
}

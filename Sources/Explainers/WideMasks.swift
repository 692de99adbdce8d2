import Base

/// The rows of a regression with too many features for their Gram matrix: products with it, and single rows of it, straight
/// from the bits.
///
/// Eight features together are one byte of a row, so a product is one look-up a byte in a table of 256 sums ("four Russians":
/// Arlazarov, Dinic, Kronrod and Faradzev 1970).
final class WideMasks: @unchecked Sendable {
    private let features: Int
    private let rows: Int
    private let weights: [Double]
    private let means: [Double]
    private let total: Double
    /// For each eight features, their bits in all rows.
    private var bytes: [UInt8]
    private let mutex = Mutex()
    private var known: [Int: [Double]] = [:]

    /// - Parameter means: the weighted mean of each feature.
    init(_ masks: [BitSet], weights: [Double], means: [Double]) {
        features = masks.first?.count ?? 0
        rows = masks.count
        self.weights = weights
        self.means = means
        total = weights.reduce(0, +)
        bytes = [UInt8](repeating: 0, count: (features + 7) / 8 * rows)
        let rows = rows
        bytes.withUnsafeMutableBufferPointer { bytes in
            for (row, mask) in masks.enumerated() {
                mask.forEach { bytes[$0 >> 3 * rows + row] |= 1 << UInt8($0 & 7) }
            }
        }
    }

    /// Row `feature` of the centred, weighted Gram matrix.
    func covariances(of feature: Int) -> [Double] {
        mutex.withLock {
            if let row = known[feature] { return row }
            var scaled = [Double](repeating: 0, count: rows)
            let start = feature >> 3 * rows
            for row in 0..<rows where bytes[start + row] >> UInt8(feature & 7) & 1 == 1 { scaled[row] = weights[row] }
            var out = transposed(scaled)
            for other in out.indices { out[other] -= total * means[feature] * means[other] }
            known[feature] = out
            return out
        }
    }

    /// (XcᵀWXc + αI)⁻¹b by conjugate gradients (Hestenes and Stiefel 1952).
    func solve(_ right: [Double], alpha: Double) -> [Double] {
        var x = [Double](repeating: 0, count: features)
        var residual = right
        var direction = right
        var square = dot(right, right)
        let enough = square * 1e-26
        var rounds = 0
        while square > enough, square > 0, rounds < WideMasks.mostRounds {
            let image = product(direction, alpha: alpha)
            let step = square / dot(direction, image)
            for index in x.indices {
                x[index] += step * direction[index]
                residual[index] -= step * image[index]
            }
            let next = dot(residual, residual)
            let turn = next / square
            for index in x.indices { direction[index] = residual[index] + turn * direction[index] }
            square = next
            rounds += 1
        }
        return x
    }

    /// Beyond this a nearly singular matrix gives no more digits that matter.
    private static let mostRounds = 1000

    /// (XcᵀWXc + αI)v
    private func product(_ v: [Double], alpha: Double) -> [Double] {
        let shift = dot(means, v)
        var sums = [Double](repeating: -shift, count: rows)
        var table = [Double](repeating: 0, count: 256)
        for block in 0..<(features + 7) / 8 {
            for bit in 0..<8 {
                let value = block * 8 + bit < features ? v[block * 8 + bit] : 0
                for key in 0..<(1 << bit) { table[1 << bit + key] = table[key] + value }
            }
            bytes.withUnsafeBufferPointer { bytes in
                table.withUnsafeBufferPointer { table in
                    sums.withUnsafeMutableBufferPointer { sums in
                        let start = block * rows
                        for row in 0..<rows { sums[row] += table[Int(bytes[start + row])] }
                    }
                }
            }
        }
        var scaled = 0.0
        for row in 0..<rows {
            sums[row] *= weights[row]
            scaled += sums[row]
        }
        var out = transposed(sums)
        for index in out.indices { out[index] += alpha * v[index] - means[index] * scaled }
        return out
    }

    /// Xᵀu
    private func transposed(_ u: [Double]) -> [Double] {
        var out = [Double](repeating: 0, count: features)
        var table = [Double](repeating: 0, count: 256)
        for block in 0..<(features + 7) / 8 {
            for key in 0..<256 { table[key] = 0 }
            bytes.withUnsafeBufferPointer { bytes in
                table.withUnsafeMutableBufferPointer { table in
                    u.withUnsafeBufferPointer { u in
                        let start = block * rows
                        for row in 0..<rows { table[Int(bytes[start + row])] += u[row] }
                    }
                }
            }
            for bit in 0..<min(8, features - block * 8) {
                var sum = 0.0
                for key in 0..<256 where key >> bit & 1 == 1 { sum += table[key] }
                out[block * 8 + bit] = sum
            }
        }
        return out
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double {
        var sum = 0.0
        for index in a.indices { sum += a[index] * b[index] }
        return sum
    }
}

import CBLAS

/// Products of matrices by BLAS, on one thread: the parallel work is over texts, and so sums never depend on threads.
public enum MatrixProduct {
    private static let oneThread: Void = gitml_load_blas()

    /// a · b, each transposed if asked, plus `into` if given.
    public static func of(
        _ a: Matrix, transposed ta: Bool = false, _ b: Matrix, secondTransposed tb: Bool = false,
        addingTo into: Matrix? = nil
    ) -> Matrix {
        _ = oneThread
        let m = ta ? a.columns : a.rows
        let k = ta ? a.rows : a.columns
        let n = tb ? b.rows : b.columns
        precondition(k == (tb ? b.columns : b.rows), "inner sizes differ")
        var out = into ?? Matrix(m, n)
        precondition(out.rows == m && out.columns == n, "result has another shape")
        if m == 0 || n == 0 || k == 0 { return out }
        out.values.withUnsafeMutableBufferPointer { c in
            a.values.withUnsafeBufferPointer { a0 in
                b.values.withUnsafeBufferPointer { b0 in
                    cblas_sgemm(
                        CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, blasint(m),
                        blasint(n),
                        blasint(k), 1, a0.baseAddress, blasint(a.columns), b0.baseAddress, blasint(b.columns),
                        into == nil ? 0 : 1, c.baseAddress, blasint(n))
                }
            }
        }
        return out
    }

    /// Adds rows · b, or rows · bᵀ, to `to`: for products in the middle of larger matrices.
    ///
    /// - Parameter rows: how many there are; they lie one after the other, as do those of the result.
    public static func add(
        _ a: UnsafePointer<Float>, _ b: Matrix, transposed: Bool = false, to out: UnsafeMutablePointer<Float>, rows: Int
    ) {
        _ = oneThread
        if rows == 0 || b.isEmpty { return }
        let k = transposed ? b.columns : b.rows
        let n = transposed ? b.rows : b.columns
        b.values.withUnsafeBufferPointer { b0 in
            if rows == 1 {
                // A vector times a matrix needs none of the packing that pays for many rows.
                cblas_sgemv(
                    CblasRowMajor, transposed ? CblasNoTrans : CblasTrans, blasint(b.rows), blasint(b.columns), 1,
                    b0.baseAddress, blasint(b.columns), a, 1, 1, out, 1)
            } else {
                cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, blasint(rows), blasint(n),
                    blasint(k), 1, a, blasint(k), b0.baseAddress, blasint(b.columns), 1, out, blasint(n))
            }
        }
    }

    /// The same by the definition, in double precision: what the fast one is tested against.
    public static func reference(
        _ a: Matrix, transposed ta: Bool = false, _ b: Matrix, secondTransposed tb: Bool = false
    ) -> Matrix {
        let m = ta ? a.columns : a.rows
        let k = ta ? a.rows : a.columns
        let n = tb ? b.rows : b.columns
        var out = Matrix(m, n)
        for row in 0..<m {
            for column in 0..<n {
                var sum = 0.0
                for inner in 0..<k {
                    sum += Double(ta ? a[inner, row] : a[row, inner]) * Double(tb ? b[column, inner] : b[inner, column])
                }
                out[row, column] = Float(sum)
            }
        }
        return out
    }
}

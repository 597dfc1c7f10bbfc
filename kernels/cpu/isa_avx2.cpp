// The operations compiled for AVX2, FMA and F16C.
#define KVREEL_ISA avx2
#include "kernels/cpu/simd_avx2.h"
//
#include "kernels/cpu/attend.h"
#include "kernels/cpu/convert.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/linear.h"
#include "kernels/cpu/table.h"

namespace kvreel::kernels::cpu {

constinit const Table kAvx2Table = {
    .to_f32 = KVREEL_ISA::to_f32,
    .from_f32 = KVREEL_ISA::from_f32,
    .rms_norm = KVREEL_ISA::rms_norm,
    .linear = KVREEL_ISA::linear,
    .rope = KVREEL_ISA::rope,
    .silu_mul = KVREEL_ISA::silu_mul,
    .attend = KVREEL_ISA::attend,
    .append = KVREEL_ISA::append,
    .exp = KVREEL_ISA::exp_array,
};

}  // namespace kvreel::kernels::cpu

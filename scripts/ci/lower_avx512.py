#!/usr/bin/env python3
"""AVX-512 code for a processor that has only AVX2: lower_avx512.py IN.ll OUT.ll

clang translates the sources for x86-64-v4 into LLVM's own language, in which nearly all vector
operations are general. This script takes the processor out of that text and writes down, in the same
language, what the few remaining instructions do; LLVM then makes AVX2 code of it, two registers for
one. So the 512-bit branch of every header runs, and gives its bits, where no AVX-512 exists.
"""

import re
import sys

# name of an intrinsic: its body, with %a, %b the vectors
BODIES = {
    # second operand unless the first is greater (smaller): as the instruction does with NaN and zeros
    "max.ps.512": "%c = fcmp ogt <16 x float> %a, %b\n"
                  "  %r = select <16 x i1> %c, <16 x float> %a, <16 x float> %b",
    "min.ps.512": "%c = fcmp olt <16 x float> %a, %b\n"
                  "  %r = select <16 x i1> %c, <16 x float> %a, <16 x float> %b",
}


def main():
    text = open(sys.argv[1]).read()
    text = re.sub(r'"target-cpu"="x86-64-v4"', '"target-cpu"="x86-64-v3"', text)
    text = re.sub(r'"target-features"="[^"]*"', "", text)
    text = re.sub(r'"(min-legal|prefer)-vector-width"="\d+"', "", text)
    # The empty assembler statement that keeps a product from being fused.
    text = re.sub(r'(?:tail )?call (?:noundef )?(<16 x float>) asm "", "=v,0[^"]*"\(\1 (?:noundef )?(%[\w.]+)\)[^\n]*',
                  r"freeze \1 \2", text)
    for name in sorted(set(re.findall(r"@llvm\.x86\.avx512\.([\w.]+)\(", text))):
        if name not in BODIES:
            sys.exit(f"lower_avx512.py: nobody has said what llvm.x86.avx512.{name} does")
        text = re.sub(rf"declare [^\n]*@llvm\.x86\.avx512\.{re.escape(name)}\([^\n]*\n",
                      f"define internal <16 x float> @lowered.{name}(<16 x float> %a, <16 x float> %b,"
                      f" i32 %rounding) alwaysinline {{\n  {BODIES[name]}\n"
                      "  ret <16 x float> %r\n}\n", text)
        text = text.replace(f"@llvm.x86.avx512.{name}(", f"@lowered.{name}(")
        text = text.replace("i32 noundef 4)", "i32 4)")
    open(sys.argv[2], "w").write(text)


main()

// Gives HLSL compute shaders to Microsoft's compilers, with the flags that wgpu gives: for scripts/portability.
//
//   hlsl.exe fxc|dxc COMPILER.DLL (NAME ENTRY_POINT)...
//
// Prints a line for each: `NAME ok`, or NAME and the compiler's first error. Only compiles: nothing runs.

#define COBJMACROS
#include <d3dcompiler.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The part of dxcapi.h that is needed here; a blob of DXC has the layout of ID3DBlob.
typedef struct { const void *ptr; SIZE_T size; UINT encoding; } DxcBuffer;
typedef struct Compiler Compiler;
typedef struct Result Result;
struct Compiler { struct {
    void *query_interface, *add_ref, *release;
    HRESULT (WINAPI *compile)(Compiler *, const DxcBuffer *, const WCHAR **, UINT, void *, const GUID *, Result **);
} *methods; };
struct Result { struct {
    void *query_interface, *add_ref, *release;
    HRESULT (WINAPI *status)(Result *, HRESULT *);
    HRESULT (WINAPI *result)(Result *, ID3DBlob **);
    HRESULT (WINAPI *errors)(Result *, ID3DBlob **);
} *methods; };
static const GUID CLSID_COMPILER = {0x73e22d93, 0xe6ce, 0x47f3, {0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0}};
static const GUID IID_COMPILER3 = {0x228b4687, 0x5a6a, 0x4730, {0x90, 0x0c, 0x97, 0x02, 0xb2, 0x20, 0x3f, 0x54}};
static const GUID IID_RESULT = {0x58346cda, 0xdde7, 0x4497, {0x94, 0x61, 0x6f, 0x87, 0xaf, 0x5e, 0x06, 0x59}};
typedef HRESULT (WINAPI *CreateInstance)(const GUID *, const GUID *, void **);

static char *read_file(const char *path, long *size) {
    FILE *file = fopen(path, "rb");
    if (!file) { fprintf(stderr, "no file %s\n", path); exit(2); }
    fseek(file, 0, SEEK_END);
    *size = ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    *size = (long)fread(text, 1, *size, file);
    fclose(file);
    return text;
}

int main(int argc, char **argv) {
    if (argc < 3) { fprintf(stderr, "usage: hlsl.exe fxc|dxc COMPILER.DLL (NAME ENTRY_POINT)...\n"); return 2; }
    int dxc = strcmp(argv[1], "dxc") == 0;
    HMODULE dll = LoadLibraryA(argv[2]);
    FARPROC function = dll ? GetProcAddress(dll, dxc ? "DxcCreateInstance" : "D3DCompile") : NULL;
    if (!function) { fprintf(stderr, "%s does not load: error %lu\n", argv[2], GetLastError()); return 2; }
    Compiler *compiler = NULL;
    if (dxc && FAILED(((CreateInstance)function)(&CLSID_COMPILER, &IID_COMPILER3, (void **)&compiler))) return 2;

    int refused = 0;
    for (int i = 3; i + 1 < argc; i += 2) {
        char path[1024];
        snprintf(path, sizeof path, "%s.hlsl", argv[i]);
        long size;
        char *text = read_file(path, &size);
        ID3DBlob *code = NULL, *errors = NULL;
        HRESULT status = E_FAIL;
        if (dxc) {
            WCHAR entry[256];
            swprintf(entry, 256, L"%hs", argv[i + 1]);
            const WCHAR *arguments[] = {L"-E", entry, L"-T", L"cs_6_0", L"-HV", L"2018", L"-no-warnings", L"-Ges"};
            DxcBuffer source = {text, size, 65001};
            Result *result = NULL;
            if (SUCCEEDED(compiler->methods->compile(compiler, &source, arguments, 8, NULL, &IID_RESULT, &result))) {
                result->methods->status(result, &status);
                result->methods->result(result, &code);
                result->methods->errors(result, &errors);
            }
        } else {
            status = ((pD3DCompile)function)(text, size, argv[i], NULL, NULL, argv[i + 1], "cs_5_1",
                                             D3DCOMPILE_ENABLE_STRICTNESS, 0, &code, &errors);
        }
        int ok = SUCCEEDED(status) && code && ID3D10Blob_GetBufferSize(code) > 0;
        const char *why = errors && ID3D10Blob_GetBufferSize(errors) ? ID3D10Blob_GetBufferPointer(errors) : "no message";
        printf("%s %s\n", argv[i], ok ? "ok" : why);
        fflush(stdout);
        refused |= !ok;
        free(text);
    }
    return refused;
}

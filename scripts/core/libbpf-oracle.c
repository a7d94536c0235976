/*
 * What libbpf makes of CO-RE relocations: reads lines `OBJECT TARGET` from standard input, and prints of each pair what libbpf
 * logs of its relocations. TARGET is a file of BTF, or `-` for the running kernel's. Since libbpf gives an object up at the
 * first relocation that fails, each program of such an object is then loaded alone, too. Programs are loaded, as only then
 * relocations are resolved; nothing is attached or pinned.
 *
 * cc libbpf-oracle.c -lbpf -lelf -lz
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

static int failed;

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[1024];

	(void)level;
	vsnprintf(line, sizeof(line), format, args);
	if (!strstr(line, "relo #"))
		return 0;
	if (strstr(line, ": failed to "))
		failed = 1;
	line[strcspn(line, "\n")] = 0;
	puts(line);
	return 0;
}

/* Loads all programs, or only the one of this number. Returns how many there are. */
static int relocate(const char *object, const char *target, int only)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	struct bpf_object *opened;
	struct bpf_program *program;
	struct bpf_map *map;
	int count = 0;

	if (strcmp(target, "-"))
		options.btf_custom_path = target;
	opened = bpf_object__open_file(object, &options);
	if (libbpf_get_error(opened)) {
		printf("== %s %s *\ncannot be opened\n", object, target);
		return 0;
	}
	bpf_object__for_each_map(map, opened) {
		bpf_map__set_pin_path(map, NULL);
		/* Which its user would set. */
		if (!bpf_map__max_entries(map))
			bpf_map__set_max_entries(map, 4096);
	}
	if (only < 0)
		printf("== %s %s *\n", object, target);
	bpf_object__for_each_program(program, opened) {
		if (only >= 0)
			bpf_program__set_autoload(program, count == only);
		if (count == only)
			printf("== %s %s %s\n", object, target, bpf_program__name(program));
		count++;
	}
	bpf_object__load(opened);
	bpf_object__close(opened);
	return count;
}

int main(void)
{
	char object[4096], target[4096];
	int i, count;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("libbpf %s\n", libbpf_version_string());
	libbpf_set_print(print);
	while (scanf("%4095s %4095s", object, target) == 2) {
		failed = 0;
		count = relocate(object, target, -1);
		for (i = 0; failed && i < count; i++)
			relocate(object, target, i);
	}
	return 0;
}

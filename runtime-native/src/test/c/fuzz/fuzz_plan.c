/*
 * Launch plans of any bytes: checked, relocated and, if they pass, carried out, with a kernel that
 * answers each call as it likes. What must hold: nothing beside the data is read or written, what
 * was checked stays as it was, and there is an end.
 */
#include "kernel.h"

#include "control.h"
#include "plan.h"
#include "stub.h"

enum { MEMFD = 3, SYNC = 4 };

static uint8_t *checked; /* steps and relocations as they were before the first step */
static uint32_t checked_bytes;
static unsigned int calls;

static int answer(long number, const long *a, long *result)
{
    if (number == __NR_exit_group || !checked)
        return 0;
    if (++calls > 1 << 22)
        broken("a plan has no end");
    if (number == __NR_clone3)
        *result = take_byte() & 1 ? 0 : 1 + take_byte();
    else if (number == __NR_recvmsg) {
        struct msghdr *to = (struct msghdr *)a[1];
        uint8_t *bytes = to->iov->base;
        size_t size = take_byte();
        size = size > to->iov->length || size > 128 ? to->iov->length : size;
        for (size_t i = 0; i < size; i++)
            bytes[i] = i == 0 ? SYNC_ANSWER : 0;
        to->control_length = 0;
        to->flags = 0;
        *result = (long)size;
    } else if (number == __NR_sendmsg)
        *result = (long)((struct msghdr *)a[1])->iov->length;
    else if (number == __NR_wait4) {
        if (a[1])
            *(int *)a[1] = (int)take_number();
        *result = a[0];
    } else
        *result = take_byte() < 240 ? (long)take_byte() : -(long)(1 + take_byte() % 130);
    return 1;
}

/* Which call it is, is not berth-init's concern but where it closes registers. */
static void neutralize_calls(struct plan *made)
{
    struct step *step = (struct step *)((uint8_t *)made + made->step_offset);
    for (uint32_t i = 0; i < made->step_count; i++, step++)
        if (step->op == OP_CALL)
            step->number = step->number % 2 ? __NR_close : UINT32_MAX;
}

static void carry_out(void)
{
    int error;
    struct plan *made = plan_map(MEMFD, &error);
    if (!made)
        return;
    neutralize_calls(made);
    checked_bytes = made->data_offset - made->step_offset;
    checked = malloc(checked_bytes + 1);
    memcpy(checked, (uint8_t *)made + made->step_offset, checked_bytes);
    plan = made;
    plan_run(made, 0, made->step_count, -1);
}

static void put(uint8_t *bytes, size_t at, const void *value, size_t size)
{
    memcpy(bytes + at, value, size);
}

/* Makes what the input is about begin as a plan does: else hardly one would pass the first check. */
static void give_form(uint8_t *bytes, size_t size)
{
    struct plan head;
    memcpy(&head, bytes, sizeof head);
    size_t left = size - sizeof head;
    head.magic = PLAN_MAGIC;
    head.version = PLAN_VERSION;
    head.fd_count %= REGISTERS;
    head.size = (uint32_t)size;
    head.step_count %= (uint32_t)(left / sizeof(struct step)) + 1;
    left -= head.step_count * sizeof(struct step);
    head.relocation_count %= (uint32_t)(left / sizeof(struct relocation)) + 1;
    left -= head.relocation_count * sizeof(struct relocation);
    head.step_offset = sizeof head;
    head.relocation_offset = head.step_offset + head.step_count * (uint32_t)sizeof(struct step);
    head.data_offset = head.relocation_offset + head.relocation_count * (uint32_t)sizeof(struct relocation);
    head.data_size = (uint32_t)left;
    for (int i = 0; i < SLOT_COUNT; i++)
        head.slot[i] = head.slot[i] % 2 ? NO_REGISTER : head.slot[i] % REGISTERS;
    put(bytes, 0, &head, sizeof head);
    for (uint32_t i = 0; i < head.step_count; i++) {
        struct step step;
        size_t at = head.step_offset + i * sizeof step;
        memcpy(&step, bytes + at, sizeof step);
        step.op = (uint8_t)(OP_CALL + step.op % OP_WAIT);
        step.target = step.target % 2 ? NO_REGISTER : step.target % REGISTERS;
        step.outcome_count %= 5;
        if (step.op == OP_CLONE || step.op == OP_EXEC)
            step.flags %= 2;
        for (int j = 0; j < 6; j++) {
            step.kind[j] %= 3;
            if (step.kind[j] == ARG_REGISTER)
                step.argument[j] %= REGISTERS;
            else
                step.argument[j] %= (uint64_t)head.data_size + 2;
        }
        put(bytes, at, &step, sizeof step);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    size_t answer_bytes = bytes[0] < size - 2 ? bytes[0] : size - 2;
    int formed = bytes[1] & 7;
    input = (struct input){ bytes + 2, answer_bytes };
    answers = answer;
    calls = 0;
    file_open(MEMFD, 0);
    file_append(MEMFD, bytes + 2 + answer_bytes, size - 2 - answer_bytes);
    struct file *plan_file = &files[MEMFD];
    if (plan_file->size) { /* of its exact size, for the sanitizer */
        uint8_t *exact = malloc(plan_file->size);
        memcpy(exact, plan_file->bytes, plan_file->size);
        free(plan_file->bytes);
        plan_file->bytes = exact;
        plan_file->room = plan_file->size;
        if (formed && plan_file->size >= sizeof(struct plan))
            give_form(exact, plan_file->size);
    }
    checked = NULL;
    run(carry_out, 0);
    if (checked && memcmp(checked, plan_file->bytes + sizeof(struct plan), checked_bytes) != 0)
        broken("a step changed what was checked");
    free(checked);
    file_free_all();
    return 0;
}
